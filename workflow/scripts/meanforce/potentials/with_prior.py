"""The sum of a prior and of a potential that was trained on the remaining forces."""

from meanforce.potentials.interface import Potential
from meanforce.potentials.internal import InternalPotential, InternalSum
from meanforce.potentials.prior import Prior
from meanforce.potentials.registry import KINDS

PREFIX = "prior/"
"""Prefix of the prior's tensors in a file; the others are the residual's."""


class WithPrior(Potential):
    """U = prior + residual, of the residual's kind, type and device.

    Args:
        prior: energy terms.
        residual: what was trained.
    """

    def __init__(self, prior: Prior, residual: Potential) -> None:
        super().__init__(residual.dtype, residual.device)
        self.kind = residual.kind
        self.residual = residual
        self.prior = prior.to(residual.dtype, residual.device)
        internal = isinstance(residual, InternalPotential)
        self._sum = InternalSum(residual, self.prior) if internal else None

    @property
    def cartesian(self):
        return self.residual.cartesian

    @property
    def parity(self):
        values = self.prior.values
        handed = values["dihedrals"] or values.get("stereo")
        return "none" if handed else self.residual.parity

    @property
    def supports_periodic(self):
        return self.residual.supports_periodic

    @property
    def compiles(self):
        return self.residual.compiles

    @property
    def records(self):
        return self.residual.records

    @property
    def needs_no_cell(self):
        return self.residual.needs_no_cell

    def compute(self, configuration):
        return self.mean_energy_and_forces([self], configuration)

    @classmethod
    def mean_energy_and_forces(cls, members, configuration):
        residuals, priors = [m.residual for m in members], [m.prior for m in members]
        together = members[0]._sum
        if together is not None:
            return together.mean_energy_and_forces((residuals, priors), configuration)
        kind = type(residuals[0])
        for member in priors:
            member.require_wide_cell(configuration)
        prior = Prior.mean_energy_and_forces(priors, configuration)
        rest = kind.mean_energy_and_forces(residuals, configuration)
        return prior[0] + rest[0], prior[1] + rest[1]

    def check_beads(self, molecule):
        self.residual.check_beads(molecule)

    def state(self):
        tensors, values = self.residual.state()
        priors, terms = self.prior.state()
        together = tensors | {PREFIX + name: tensor for name, tensor in priors.items()}
        return together, {"kind": self.kind, "prior": terms, "residual": values}

    @classmethod
    def from_state(cls, tensors, values):
        priors, rest = {}, {}
        for name, tensor in tensors.items():
            place = priors if name.startswith(PREFIX) else rest
            place[name.removeprefix(PREFIX)] = tensor
        residual = KINDS[values["kind"]].from_state(rest, values["residual"])
        return cls(Prior.from_state(priors, values["prior"]), residual)
