"""What would mend a dataset whose virial is not the one that its temperature demands.

The virial is an energy: positions in Å together with forces in kJ/mol/Å leave it right.
"""

import dataclasses

from meanforce.statistics.errors import THREE_SIGMA, quantile
from meanforce.statistics.series_mean import Mean

FACTORS = {
    4.184: "forces in kcal/mol/nm, or positions in Å and forces in kcal/mol/Å",
    10.0: "forces in kJ/mol/Å",
    41.84: "forces in kcal/mol/Å",
    1 / 4.184: "forces in kJ that were converted from kcal",
    1 / 10.0: "positions in Å, or forces that were converted from 1/Å",
    1 / 41.84: "forces in kJ/mol/nm that were converted from kcal/mol/Å",
}
"""What forces (or positions) are to be multiplied with, and what they are then."""

BIAS_LEFT = (
    "it is right for frames without their weights, so that the forces contain those of the bias; "
    "give forces without the bias, or frames without bias energies"
)

MULTIPLY = "multiplying by "

CONFINED = (
    "; if the bias kept the frames in a part of its variable's range, as an umbrella window does, "
    "weights do not reach the rest, and this check shows nothing"
)
"""Of checks by weights whose failure has no certain cause. Of right windows along a torsion
(20 to 400 kJ/mol/rad²), 14 to 86 % deviate by more than 5 standard errors."""

TEMPERATURES = 0.5, 2.0
"""Ratios of temperatures that may be an error in the config."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """A virial that is wrong.

    Attributes:
        ratio: to the expected one.
        unweighted: the same of frames without their weights; None where they have none.
        temperature: K.
        force_map: by which forces were mapped; None if that is not in the file.
    """

    ratio: Mean
    unweighted: Mean | None
    temperature: float
    force_map: str | None

    @property
    def factors(self) -> list[float]:
        """Factors that make the virial right within its error, the best one first."""
        if self.ratio.deviation(0.0) < quantile(self.ratio.error.dof, THREE_SIGMA):
            # Zero within its error: no factor mends that.
            return []
        found = {factor: _misfit(self.ratio.scaled(factor)) for factor in FACTORS}
        return sorted((f for f, misfit in found.items() if misfit < 1), key=found.__getitem__)


def is_certain(mend: str) -> bool:
    """Whether it names a bias that was left in the forces, or a factor."""
    return mend == BIAS_LEFT or mend.startswith(MULTIPLY)


def _misfit(ratio: Mean) -> float:
    """Distance from 1, in units of the largest that chance explains."""
    return abs(ratio.deviation(1.0)) / quantile(ratio.error.dof, THREE_SIGMA)


def remedy(finding: Finding) -> str:
    """What would mend it, as a part of a sentence."""
    ratio, error = finding.ratio.value, finding.ratio.error.stderr
    if finding.unweighted is not None and _misfit(finding.unweighted) < 1:
        return BIAS_LEFT
    if finding.factors:
        return " or ".join(
            f"{MULTIPLY}{factor:.4g} would mend it ({FACTORS[factor]})"
            for factor in finding.factors
        )
    named = "" if finding.force_map is None else f" '{finding.force_map}'"
    other = (
        f"the forces lack those of a bias or a restraint, the force map{named} is wrong for these "
        "beads, or constrained bonds are not declared"
    )
    low, high = TEMPERATURES
    if low < ratio < high:
        return (
            f"a temperature of {ratio * finding.temperature:.0f} ± "
            f"{error * finding.temperature:.0f} K instead of {finding.temperature:g} K would mend "
            f"it; otherwise {other}"
        )
    return f"no unit and no temperature explains it; probably {other}"
