"""Campaign kind `static`: a bias that never changes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.paths import RESULTS
from meanforce.settings.base import AnyEnergy, Coordinate, FilePath, Name, Settings, Width
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
    """Dynamics under a bias that never changes: Gaussians, a formula, a frozen bias, or a network.

    A frozen bias is the final one of a metadynamics campaign. It does not change while frames are
    stored, so slow motions do not lag behind it. A network is a trained model U(R; T) of kind
    `cgnet`, at the temperature of the state point; the bias is −scale·U, a function of the beads of
    its mapping.
    """

    kind: Literal["static"]
    collective_variables: list[Name] = Field(
        default=[],
        max_length=3,
        description="collective variables that the bias depends on; none with 'models'",
    )
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

    models: list[FilePath] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="members of a trained ensemble of kind cgnet whose mean U makes the bias "
        "−scale·U: .safetensors files, each with its .json beside it, outside of results/",
    )
    mapping: Name | None = Field(
        default=None, description="mapping of the beads that the 'models' were trained on"
    )
    scale: float | None = Field(
        default=None,
        ge=-10.0,
        le=10.0,
        description="factor of the bias −scale·U of 'models': 1 makes the beads' free energy about "
        "flat, as far as the model reaches; 0.5 halves its barriers",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = (self.gaussians, self.formula, self.bias_of, self.models)
        if sum(v is not None for v in sources) != 1:
            raise ValueError("give exactly one of 'gaussians', 'formula', 'bias_of' and 'models'")
        if self.models is None:
            if not self.collective_variables:
                raise ValueError("'collective_variables' is missing; only 'models' needs none")
            if self.mapping is not None or self.scale is not None:
                raise ValueError("'mapping' and 'scale' belong to 'models'")
            return self
        if self.collective_variables:
            raise ValueError(
                "'collective_variables' has no meaning with 'models', whose bias depends on all "
                "beads of 'mapping'"
            )
        if self.mapping is None or self.scale is None:
            raise ValueError("'models' needs a 'mapping' and a 'scale'")
        if self.scale == 0.0:
            raise ValueError("scale: is 0, which is no bias; use a campaign of kind 'unbiased'")
        for name in self.models:
            if not name.endswith(".safetensors"):
                raise ValueError(f"models: '{name}' is not a .safetensors file")
            if RESULTS in Path(name).parts:
                raise ValueError(
                    f"models: '{name}' lies in a folder '{RESULTS}', where a run may replace it; "
                    "copy it and its .json to another folder"
                )
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

    @property
    def biased_mapping(self) -> str | None:
        """Mapping on whose beads the bias acts without collective variables."""
        return self.mapping

    @property
    def model_files(self) -> list[str]:
        """Files of trained models that the bias is made from."""
        names = self.models or []
        return [*names, *(str(Path(name).with_suffix(".json")) for name in names)]

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
