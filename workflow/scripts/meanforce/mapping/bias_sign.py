"""Whether bias energies have the wrong sign.

Frames with the density exp(−(U + V)/kT) and forces of U have the weights e^{V/kT}. With energies of
the wrong sign these are e^{−V/kT}, which often leave too few independent frames for any check. The
weights of the other sign then leave more, and the check passes with them.
"""

from collections.abc import Sequence

from meanforce.statistics.errors import THREE_SIGMA, quantile
from meanforce.statistics.series_mean import Mean

POWER = 5.0 / 3.0
"""How far the deviation without weights must be beyond what the errors with the weights of the
other sign allow, for their passing to show anything. Tried with 8628 sets of 40 to 5000 frames of a
torsion with random potentials and biases (metadynamics, umbrellas, others): of 3285 with the right
sign whose check was undecided or failed, one was called wrong; of 1370 of metadynamics with the
wrong sign whose check was undecided, 647 were."""

WRONG_SIGN = (
    "with weights of the other sign it is right, so that the bias energies have the wrong sign: "
    "they must be what the bias added to the potential; multiply them by -1"
)

CHECK_SIGN = (
    "this cannot show whether the bias energies have the right sign: check that they are what the "
    "bias added to the potential (of metadynamics, high where the run spent its time)"
)


def has_wrong_sign(
    plain: Sequence[Mean], opposite: Sequence[Mean], expected: float, fewest: float
) -> bool:
    """Whether means that should have a value show weights of the wrong sign.

    Args:
        plain: means without weights.
        opposite: means with the weights of the other sign.
        expected: value of all of them with the right weights.
        fewest: independent frames below which nothing is decided.
    """
    if not min(mean.effective for mean in (*plain, *opposite)) >= fewest:
        return False
    limits = [quantile(mean.error.dof, THREE_SIGMA / len(opposite)) for mean in opposite]
    passes = all(
        abs(mean.deviation(expected)) <= limit for mean, limit in zip(opposite, limits, strict=True)
    )
    fails = any(
        abs(mean.deviation(expected)) > quantile(mean.error.dof, THREE_SIGMA / len(plain))
        for mean in plain
    )
    seen = any(
        abs(mean.value - expected) > POWER * limit * other.error.stderr
        for mean, other, limit in zip(plain, opposite, limits, strict=True)
    )
    return passes and fails and seen
