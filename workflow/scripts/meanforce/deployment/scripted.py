"""Networks on internal coordinates as a module that TorchScript compiles.

It computes energies only; programs that load it differentiate them. The formulas are those of
`meanforce.potentials`: `geometry`, `cgnet`, `prior` and `whole`.
"""

import dataclasses

import numpy as np
import torch
from scipy.sparse.csgraph import breadth_first_order

from meanforce.core.graph import adjacency
from meanforce.core.topology import Topology
from meanforce.inference.coordinates import LIMIT
from meanforce.inference.model import StoredModel
from meanforce.inference.network import ENERGY_SCALE, OUTPUTS
from meanforce.inference.prior import MIXTURE, STRAIGHT_BELOW


class ScriptedNetwork(torch.nn.Module):
    """U(R; T) of one member at one temperature, in double precision.

    Args:
        member: as it was stored.
        temperature: K.
    """

    def __init__(self, member: StoredModel, temperature: float) -> None:
        super().__init__()
        values, molecule = member.values, Topology.of(member.values)
        for name, beads in dataclasses.asdict(molecule.all_coordinates()).items():
            self._keep(name, np.array(beads, dtype=np.int64).T)
        form = values["temperature"]
        reduced = (temperature - values["temperature_center"]) / values["temperature_scale"]
        self._takes_temperature, self._reduced = form == "feature", float(reduced)
        self._plain = values.get("distances", "plain") != "inverse"
        self._inverse = values.get("distances", "plain") != "plain"
        tensors = {n: torch.from_numpy(t.copy()).double() for n, t in member.tensors.items()}
        depth = len(values["hidden"])
        factors = torch.from_numpy(float(reduced) ** np.arange(OUTPUTS[form]))
        self.register_buffer("mean", tensors["mean"])
        self.register_buffer("scale", tensors["scale"])
        self.layers = torch.nn.ModuleList()
        for layer in range(depth):
            self.layers.append(_linear(tensors[f"weight_{layer}"].T, tensors[f"bias_{layer}"]))
        last = ENERGY_SCALE * tensors[f"weight_{depth}"] @ factors
        constant = ENERGY_SCALE * tensors[f"bias_{depth}"] @ factors
        self.last = _linear(last[None], constant[None])
        self.prior = ScriptedPrior(member, molecule)
        self._keep_path(molecule)

    def _keep(self, name: str, array: np.ndarray) -> None:
        self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)))

    def _keep_path(self, molecule: Topology) -> None:
        """Which bonds lead from the first bead to each one."""
        order, parents = breadth_first_order(adjacency(molecule).tocsr(), 0, directed=False)
        children = order[1:].astype(np.int64)
        path = np.zeros((molecule.size, len(children)))
        for step, child in enumerate(children):
            path[child] = path[parents[child]]
            path[child, step] = 1.0
        self._keep("attached", children)
        self._keep("anchors", parents[children].astype(np.int64))
        self._keep("path", path)

    def whole(self, positions: torch.Tensor, cell: torch.Tensor) -> torch.Tensor:
        """The molecule in one piece, at positions in nm, shape (n_beads, 3), in a cell."""
        steps = positions[self.attached] - positions[self.anchors]
        turns = torch.round(steps @ torch.linalg.inv(cell))
        return positions - (self.path @ turns) @ cell

    def forward(self, positions: torch.Tensor) -> torch.Tensor:
        """Energy in kJ/mol at positions in nm, float64, shape (n_beads, 3)."""
        r = torch.linalg.norm(positions[self.distances[1]] - positions[self.distances[0]], dim=1)
        parts = torch.jit.annotate(list[torch.Tensor], [])
        if self._plain:
            parts.append(r)
        angle, sine, cosine = r[:0], r[:0], r[:0]
        if self.angles.numel() > 0:
            angle = _angle(positions[self.angles])
        if self.dihedrals.numel() > 0:
            sine, cosine = _turns(positions[self.dihedrals])
        parts += [angle, sine, cosine]
        if self._inverse:
            parts.append(1.0 / r)
        hidden = (torch.cat(parts) - self.mean) / self.scale
        if self._takes_temperature:
            hidden = torch.cat([hidden, torch.full_like(hidden[:1], self._reduced)])
        for layer in self.layers:
            hidden = torch.nn.functional.silu(layer(hidden))
        return self.last(hidden)[0] + self.prior(positions, r, angle, sine, cosine)


class ScriptedPrior(torch.nn.Module):
    """Prior of one member; zero where there is none.

    Args:
        member: as it was stored.
        molecule: its beads.
    """

    def __init__(self, member: StoredModel, molecule: Topology) -> None:
        super().__init__()
        coordinates, values = molecule.all_coordinates(), member.prior_values
        self._present, self._straight_below = values is not None, STRAIGHT_BELOW
        kinds = {
            "bonds": ("distances", ("bond_center", "bond_stiffness")),
            "excluded": ("distances", ("excluded_radius", "excluded_energy")),
            "angles": ("angles", ("angle_center", "angle_stiffness")),
            "mixtures": ("angles", MIXTURE),
            "dihedrals": ("dihedrals", ("dihedral_cosine", "dihedral_sine")),
        }
        for terms, (kind, names) in kinds.items():
            places = {beads: n for n, beads in enumerate(getattr(coordinates, kind))}
            # Models from before there were mixtures do not name them.
            beads_of_terms = values.get(terms, []) if values else []
            own = [places[tuple(beads)] for beads in beads_of_terms]
            self.register_buffer(terms, torch.tensor(own, dtype=torch.long))
            for name in names:
                several = terms == "dihedrals" or (terms == "mixtures" and name != "mixture_kt")
                empty = np.zeros((0, 1) if several else 0)
                tensor = torch.from_numpy(member.prior_tensors.get(name, empty).copy())
                self.register_buffer(name, tensor.double())
        # Improper dihedrals are none of the molecule's coordinates.
        centers = values.get("stereo", []) if values else []
        self.register_buffer("stereo", torch.tensor(centers, dtype=torch.long).reshape(-1, 4).T)
        for name in ("stereo_center", "stereo_stiffness"):
            tensor = torch.from_numpy(member.prior_tensors.get(name, np.zeros(0)).copy())
            self.register_buffer(name, tensor.double())

    def forward(
        self,
        positions: torch.Tensor,
        r: torch.Tensor,
        angle: torch.Tensor,
        sine: torch.Tensor,
        cosine: torch.Tensor,
    ) -> torch.Tensor:
        """Energy in kJ/mol, from positions, all lengths, angles and dihedrals of the molecule."""
        if not self._present:
            return torch.zeros_like(r[0])
        bonds = 0.5 * self.bond_stiffness * (r[self.bonds] - self.bond_center) ** 2
        angles = 0.5 * self.angle_stiffness * (angle[self.angles] - self.angle_center) ** 2
        apart = r[self.excluded]
        inside = torch.maximum(apart, self._straight_below * self.excluded_radius)
        value = self.excluded_energy * (self.excluded_radius / inside) ** 12
        # Constants of the straight line take no part in the derivative.
        pushed = value * (1.0 - 12.0 * (apart - inside) / inside)
        energy = bonds.sum() + angles.sum() + pushed.sum()
        away = angle[self.mixtures][:, None] - self.mixture_center
        wells = self.mixture_energy + 0.5 * self.mixture_stiffness * away**2
        scaled = -wells / self.mixture_kt[:, None]
        energy = energy - (self.mixture_kt * torch.logsumexp(scaled, dim=1)).sum()
        c, s = cosine[self.dihedrals], sine[self.dihedrals]
        real, imaginary = c, s
        for order in range(self.dihedral_cosine.shape[1]):
            a, b = self.dihedral_cosine[:, order], self.dihedral_sine[:, order]
            energy = energy + (a * real + b * imaginary).sum()
            real, imaginary = real * c - imaginary * s, real * s + imaginary * c
        if self.stereo.numel() > 0:
            # 1 − cos(ω − ω₀)
            s, c = _turns(positions[self.stereo])
            turned = c * torch.cos(self.stereo_center) + s * torch.sin(self.stereo_center)
            energy = energy + (self.stereo_stiffness * (1.0 - turned)).sum()
        return energy


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> torch.nn.Linear:
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer


def _angle(beads: torch.Tensor, limit: float = LIMIT) -> torch.Tensor:
    """Angles at the second of three beads, shape (3, n, 3)."""
    first, last = beads[0] - beads[1], beads[2] - beads[1]
    lengths = torch.linalg.norm(first, dim=1) * torch.linalg.norm(last, dim=1)
    return torch.acos(((first * last).sum(1) / lengths).clamp(-limit, limit))


def _turns(beads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sines and cosines of dihedrals of four beads, shape (4, n, 3)."""
    b1, b2, b3 = beads[1] - beads[0], beads[2] - beads[1], beads[3] - beads[2]
    first, last = torch.linalg.cross(b1, b2), torch.linalg.cross(b2, b3)
    y = torch.linalg.norm(b2, dim=1) * (b1 * last).sum(1)
    x = (first * last).sum(1)
    size = torch.sqrt(x * x + y * y).clamp_min(1e-24)
    return y / size, x / size
