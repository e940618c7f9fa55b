"""Campaign kind `unbiased`: no bias at all."""

from meanforce.sampling.bias import Bias


class NoBias(Bias):
    """Plain dynamics."""

    def force(self) -> None:
        return None
