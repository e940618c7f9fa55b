"""Key `fitting` of a potential: how its parameters are found. One line for each kind."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from meanforce.settings.base import AnyPressure, Settings
from meanforce.settings.checks import Variables
from meanforce.settings.descent import DescentSettings
from meanforce.settings.iteration_runs import IterationRunSettings


class FittingSettings(Settings):
    """How a potential is fitted, and properties of the method that the workflow uses.

    Attributes:
        needs_distribution: whether it needs the distribution of the beads, so that biased frames
            must have weights; forces alone are the same with and without a bias.
        needs_terms: whether it fits only potentials of `terms`.
        needs_linear: whether it fits only potentials that are linear in their parameters.
        makes_runs: whether CG runs are a part of it.
        takes_tables: whether its targets may be tables of distributions instead of frames.
        needs_simple_liquid: whether it is only for boxes of molecules of one bead, all of one type.
    """

    needs_distribution: ClassVar[bool] = False
    needs_terms: ClassVar[bool] = False
    needs_linear: ClassVar[bool] = False
    makes_runs: ClassVar[bool] = False
    takes_tables: ClassVar[bool] = False
    needs_simple_liquid: ClassVar[bool] = False

    def deterministic(self, linear: bool) -> bool:
        """Whether it uses no random numbers, so that members differ in their data only.

        Args:
            linear: whether the potential is linear in its parameters.
        """
        return False

    def resumable(self, linear: bool) -> bool:
        """Whether a fit takes long and can continue from a restart bundle.

        Args:
            linear: whether the potential is linear in its parameters.
        """
        return True

    @property
    def variables(self) -> list[str]:
        """Names of the collective variables along which its CG runs are biased."""
        return []

    def check(self, where: str, variables: Variables) -> None:
        """Refuse settings that do not fit a system.

        Args:
            where: the key `fitting` in the config.
            variables: collective variables of the system.

        Raises:
            ValueError: names the key, what was given and what is allowed.
        """

    def check_form(self, linear: bool) -> None:
        """Refuse a potential that this method cannot fit with these settings.

        Args:
            linear: whether the potential is linear in its parameters.
        """
        if self.needs_linear and not linear:
            raise ValueError(
                f"'fitting: {self.kind}' fits only potentials that are linear in their "
                "coefficients (kinds spline and rbf); give 'fitting: force_matching' or "
                "'fitting: relative_entropy'"
            )


class ForceMatchingSettings(FittingSettings):
    """Least squares between the potential's forces and the mapped atomistic forces.

    Potentials that are linear in their parameters are fitted by normal equations, networks by
    gradient descent. Noid et al., J. Chem. Phys. 128, 244114 (2008).
    """

    kind: Literal["force_matching"]

    def deterministic(self, linear: bool) -> bool:
        """Normal equations need no random numbers."""
        return linear

    def resumable(self, linear: bool) -> bool:
        """Normal equations are solved in a short time."""
        return not linear


class PressureCorrectionSettings(Settings):
    """A linear ramp, A(1 − r/r_c), that is added to curves of pairs until the pressure is right.

    simple: A = −0.1 kT sgn(Δp) min(1, 0.0003 |Δp|/bar), Δp = p − target (Reith, Pütz,
    Müller-Plathe, J. Comput. Chem. 24, 1624 (2003)). wang_junghans_kremer: A from the virial of
    the ramp itself, at most 0.1 kT (Wang, Junghans, Kremer, Eur. Phys. J. E 28, 221 (2009)).
    """

    target: AnyPressure = Field(description="pressure that the CG model is to have")
    method: Literal["simple", "wang_junghans_kremer"] = Field(
        default="wang_junghans_kremer", description="how A follows from the pressure"
    )
    scale: float = Field(default=1.0, gt=0, le=1, description="factor of A")


class IterativeSettings(FittingSettings):
    """What all fits have in common that iterate CG runs and updates of the potential."""

    needs_distribution: ClassVar[bool] = True
    needs_linear: ClassVar[bool] = True
    makes_runs: ClassVar[bool] = True

    simulation: IterationRunSettings = Field(description="the CG run of each iteration")
    step: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="factor of each update; it is halved where the fit runs away, and where three "
        "iterations near the target came no closer, as updates are then mostly noise",
    )
    at_most: int = Field(
        default=50,
        ge=1,
        le=10000,
        description="CG runs after which the fit ends, though some distribution still differs from "
        "its target by more than noise",
    )
    smallest_sample: int = Field(
        default=50,
        ge=2,
        description="fewest frames at a state point, if they have weights: fewest effective ones",
    )

    @property
    def wanted_pressure(self) -> float | None:
        """Pressure that the CG model is to have, bar; None: as it comes."""
        return None

    @property
    def variables(self) -> list[str]:
        """See above."""
        bias = self.simulation.bias
        return [] if bias is None else list(bias.collective_variables)

    def check(self, where: str, variables: Variables) -> None:
        """See above."""
        if self.simulation.bias is not None:
            self.simulation.bias.check(f"{where}.simulation.bias", variables)


class InversionSettings(IterativeSettings):
    """What all fits have in common that invert the distribution of each curve."""

    needs_terms: ClassVar[bool] = True
    takes_tables: ClassVar[bool] = True

    start: Literal["direct_inversion", "force_matching"] = Field(
        default="direct_inversion",
        description="potential of the first run. direct_inversion: −kT ln g of each distribution; "
        "force_matching: fitted to the forces",
    )


class BoltzmannInversionSettings(InversionSettings):
    """Iterative Boltzmann inversion: U ← U + step · kT ln(g/g_target), until g is the target.

    g are the distributions of non-bonded distances, bonds, angles and dihedrals of each curve, from
    a CG run of each iteration. Reith, Pütz, Müller-Plathe, J. Comput. Chem. 24, 1624 (2003). With
    several training state points, the update is that of all of them; Moore, Iacovella, McCabe,
    J. Chem. Phys. 140, 224104 (2014). Only for potentials of `terms`.
    """

    kind: Literal["boltzmann_inversion"]
    updates: Literal["all_at_once", "by_turns"] = Field(
        default="all_at_once", description="curves that an iteration changes: all, or one"
    )
    pressure: PressureCorrectionSettings | None = Field(
        default=None, description="correction of the pressure; null: none"
    )

    @property
    def wanted_pressure(self) -> float | None:
        """See above."""
        return None if self.pressure is None else self.pressure.target


class InverseMonteCarloSettings(InversionSettings):
    """Inverse Monte Carlo: U ← U + step · ΔU, with β Cov(S) ΔU = ⟨S⟩ − S_target.

    S are the counts of all non-bonded distances, bonds, angles and dihedrals in the bins of a
    histogram, in each frame of the CG run of an iteration: the step of all curves at once takes
    account of how each changes the distributions of the others. Lyubartsev, Laaksonen, Phys. Rev. E
    52, 3730 (1995). The fit ends when all distributions, and ⟨S⟩ as a whole, are within their
    noise. Only for potentials of `terms`.
    """

    updates: ClassVar[str] = "all_at_once"
    pressure: ClassVar[None] = None
    """No correction: the pressure is that of the potential with these distributions."""

    kind: Literal["inverse_monte_carlo"]
    inversion_steps: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="first steps, which are those of Boltzmann inversion: far from the target, "
        "linear response may lead astray",
    )
    regularisation: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="Tikhonov's: changes of the potential with a singular value below this one, in "
        "units of the largest, are held back; larger for noisier runs",
    )


class HypernettedChainSettings(InversionSettings):
    """Gauss-Newton inversion of g(r): ΔU minimises |g_target − g − (∂g/∂U) ΔU|².

    g is that of the CG run of an iteration, and ∂g/∂U follows from it by the Ornstein-Zernike
    equation with the hypernetted-chain closure, so that no covariance has to be sampled. Bernhardt,
    Hanke, van der Vegt, J. Chem. Phys. 154, 084118 (2021). Only for liquids of molecules of one
    bead, all of one type, and potentials of `terms`.
    """

    needs_simple_liquid: ClassVar[bool] = True

    kind: Literal["hypernetted_chain"]
    pressure: AnyPressure | None = Field(
        default=None,
        description="pressure that the CG model is to have, a linear constraint on each update; "
        "null: none",
    )

    @property
    def wanted_pressure(self) -> float | None:
        """See above."""
        return self.pressure


class RelativeEntropySettings(IterativeSettings):
    """Relative entropy minimisation: steps along ∇S, until all distributions are the targets.

    S is the relative entropy of the atomistic and the CG ensemble of the beads, with the gradient
    ∇S = β(⟨∂U/∂c⟩_AA − ⟨∂U/∂c⟩_CG) in the coefficients c. Shell, J. Chem. Phys. 129, 144108
    (2008). With several training state points, S is summed over them.

    Of potentials that are linear in their coefficients (kinds spline and rbf), S is convex: a CG
    run gives a Newton step, c ← c − step · H⁻¹∇S with H = β² Cov(∂U/∂c). At the minimum the CG
    distributions of all coordinates that have a curve are the atomistic ones. The fit ends when
    these distributions and ∇S are within their noise; error bars of the curves are stored with the
    model.

    Of networks (cgnet, local_cgnet, mace), a CG run gives several small steps of Adam, as `descent`
    describes: its frames are reweighted by e^{−β(U − U_run)} while enough of them count. They are
    trained on forces first. The fit ends when the distributions of bonds, angles, dihedrals and
    other distances up to 1 nm are within their noise and the last steps lowered S by no more than
    its noise, by frames that they did not follow; or after `at_most` runs.
    """

    needs_linear: ClassVar[bool] = False
    pressure: ClassVar[None] = None
    """No correction: the pressure is that of the minimum."""

    kind: Literal["relative_entropy"]
    start: Literal["direct_inversion", "force_matching"] = Field(
        default="force_matching",
        description="potential of the first run. force_matching: fitted to the forces; "
        "direct_inversion: −kT ln g of each distribution, not for networks",
    )
    descent: DescentSettings | None = Field(
        default=None,
        description="steps between two CG runs, for networks only; null: all defaults",
    )

    @property
    def steps(self) -> DescentSettings:
        """Steps of a network."""
        return self.descent or DescentSettings()

    def check_form(self, linear: bool) -> None:
        """See above; curves need no `descent`, and networks have none to invert."""
        if linear and self.descent is not None:
            raise ValueError(
                "'fitting.descent' belongs to networks (cgnet, local_cgnet, mace), but the "
                "potential is linear in its coefficients, so that each CG run gives a Newton step; "
                "leave it out"
            )
        if not linear and self.start != "force_matching":
            raise ValueError(
                f"'fitting.start' is '{self.start}', but a network has no curves to invert; give "
                "'start: force_matching'"
            )


IterativeFitting = (
    BoltzmannInversionSettings
    | InverseMonteCarloSettings
    | HypernettedChainSettings
    | RelativeEntropySettings
)

Fitting = Annotated[
    ForceMatchingSettings
    | BoltzmannInversionSettings
    | InverseMonteCarloSettings
    | HypernettedChainSettings
    | RelativeEntropySettings,
    Field(discriminator="kind"),
]
