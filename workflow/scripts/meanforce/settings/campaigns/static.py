"""Campaign kind `static`: a bias that never changes."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import AnyEnergy, Coordinate, Name, Settings, Width
from meanforce.settings.campaigns.base import CampaignSettings
from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.settings.campaigns.protocol import BiasedSettings, ProtocolSettings
from meanforce.settings.formula import check_formula


class GaussianSettings(Settings):
    """One Gaussian of a static bias, height·exp[−Σ(s − center)²/(2·width²)]."""

    height: AnyEnergy = Field(description="negative: attracts; positive: repels")
    center: list[Coordinate] = Field(
        min_length=1, max_length=3, description="one value for each collective variable"
    )
    width: list[Width] = Field(
        min_length=1, max_length=3, description="one value for each collective variable"
    )


class StaticSettings(BiasedSettings):
    """Dynamics under a bias that never changes: Gaussians, a formula, or a frozen bias.

    A frozen bias is the final one of a metadynamics campaign. It does not change while frames are
    stored, so slow motions do not lag behind it.
    """

    kind: Literal["static"]
    gaussians: list[GaussianSettings] | None = Field(
        default=None, min_length=1, description="Gaussians whose sum is the bias"
    )
    formula: str | None = Field(
        default=None,
        max_length=2000,
        description="energy in kJ/mol as an expression in the names of the collective variables "
        "(nm, rad), in OpenMM's syntax",
    )
    bias_of: Name | None = Field(
        default=None,
        description="metadynamics campaign on the same collective variables whose final bias is "
        "used, frozen. Each replica uses the bias of the replica with the same number, if that "
        "campaign has at least as many replicas; otherwise all use the bias of the first",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(v is not None for v in (self.gaussians, self.formula, self.bias_of)) != 1:
            raise ValueError("give exactly one of 'gaussians', 'formula' and 'bias_of'")
        return self

    def bias_from(self, source: ProtocolSettings, job: int) -> int:
        """Job of the campaign `bias_of` whose final bias a job of this one uses."""
        return job if source.replicas >= self.replicas else 1

    @property
    def bias_source(self) -> str | None:
        """Campaign whose final bias this one uses, frozen."""
        return self.bias_of

    @property
    def bias_formula(self) -> str | None:
        """Bias as an expression in the names of the collective variables."""
        return self.formula

    def check(self, where, variables, campaigns):
        super().check(where, variables, campaigns)
        names = self.collective_variables
        for number, gaussian in enumerate(self.gaussians or []):
            at = f"{where}.gaussians[{number}]"
            variables.check_values(f"{at}.center", names, gaussian.center)
            variables.check_values(f"{at}.width", names, gaussian.width)
        if self.bias_of is not None:
            self._check_source(f"{where}.bias_of", campaigns)
        if self.formula is not None:
            try:
                check_formula(self.formula, names)
            except ValueError as error:
                raise ValueError(f"{where}.formula: {error}") from None

    def _check_source(self, where: str, campaigns: Mapping[str, CampaignSettings]) -> None:
        source = campaigns.get(self.bias_of)
        if not isinstance(source, MetadynamicsSettings):
            known = [n for n, c in campaigns.items() if isinstance(c, MetadynamicsSettings)]
            raise ValueError(
                f"{where}: '{self.bias_of}' is not a metadynamics campaign of this system; "
                f"known: {', '.join(known) or 'none'}"
            )
        if source.collective_variables != self.collective_variables:
            raise ValueError(
                f"{where}: '{self.bias_of}' biases {', '.join(source.collective_variables)}, but "
                f"this campaign biases {', '.join(self.collective_variables)}; they must be the "
                "same"
            )
