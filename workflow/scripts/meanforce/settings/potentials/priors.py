"""Prior energy terms below a network: they hold a chain together where there are no data."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Settings


class ExcludedVolumeSettings(Settings):
    """Repulsion of beads that are not bonded: kT (σ/r)^12."""

    percentile: float = Field(
        default=0.1,
        gt=0,
        le=50,
        description="σ is this percentile of the pair's distances in the training frames",
    )
    apart: int = Field(
        default=4, ge=3, le=20, description="least number of bonds between the beads of a pair"
    )


class PriorSettings(Settings):
    """Energy terms fitted to the frames before the network, which learns the residual forces."""

    bonds: Literal["none", "harmonic"] = Field(
        default="none", description="harmonic: k = kT/variance, about the mean"
    )
    angles: Literal["none", "harmonic", "mixture"] = Field(
        default="none",
        description="harmonic: k = kT/variance, about the mean; angles with two wells, such as "
        "those of CA beads, are left out, with a warning. mixture: −kT ln of two Gaussians, for "
        "angles with one or two wells",
    )
    dihedrals: Literal["none", "fourier"] = Field(
        default="none", description="fourier: a Fourier series fitted to −kT ln p"
    )
    chirality: Literal["none", "cosine"] = Field(
        default="none",
        description="cosine: k (1 − cos(ω − ω₀)) of the improper dihedral ω of each stereo centre, "
        "about its mean, so that chains keep their handedness where there are no data; nothing "
        "where beads make no stereo centre",
    )
    excluded_volume: ExcludedVolumeSettings | None = Field(
        default=None, description="repulsion of beads that are not bonded; {} takes the defaults"
    )
    parameters: Literal["by_type", "by_coordinate"] = Field(
        default="by_type",
        description="by_type: coordinates with the same bead types share parameters; "
        "by_coordinate: each has its own",
    )
    fourier_order: int = Field(default=3, ge=1, le=12, description="terms of the Fourier series")

    @model_validator(mode="after")
    def _something(self) -> Self:
        terms = {self.bonds, self.angles, self.dihedrals, self.chirality}
        if terms == {"none"} and self.excluded_volume is None:
            raise ValueError(
                "has no term; give some of 'bonds: harmonic', 'angles: harmonic', "
                "'dihedrals: fourier', 'chirality: cosine' and 'excluded_volume: {}', or leave the "
                "prior out"
            )
        return self
