"""System kind `muller_brown`."""

from typing import ClassVar, Literal

from meanforce.settings.systems.base import ExactlySolvableSettings


class MullerBrownSettings(ExactlySolvableSettings):
    """Two particles, X and Y, whose x and y coordinates feel the Müller–Brown potential."""

    exact_atoms: ClassVar[tuple[str, ...]] = ("X",)
    exact_kind: ClassVar[str] = "coordinate"
    exact_axis: ClassVar[str | None] = "x"

    kind: Literal["muller_brown"]
