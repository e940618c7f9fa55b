"""A deployed network as one file for the programs that load metatomic models.

These are LAMMPS, GROMACS, PLUMED (2.10 or later), i-PI, torch-sim and ASE. Needs the packages of
envs/requirements-metatomic.txt. https://docs.metatensor.org/metatomic
"""

# ruff: noqa: UP006, UP045
from pathlib import Path
from typing import Dict, List, Optional  # noqa: UP035, what metatomic looks for

import torch
from metatensor.torch import Labels, TensorBlock, TensorMap
from metatomic.torch import (
    AtomisticModel,
    ModelCapabilities,
    ModelMetadata,
    ModelOutput,
    System,
)

from meanforce.core.topology import Topology
from meanforce.deployment.scripted import ScriptedNetwork
from meanforce.errors import InputError
from meanforce.inference.model import StoredModel
from meanforce.potentials.whole import is_one

REACH = 10.0
"""Distance in nm within which beads act on each other: beyond the size of any one molecule."""


class MeanNetwork(torch.nn.Module):
    """Mean of members in metatomic's form.

    The type of a bead is its number in the model, from 1, so that the order of the atoms in the
    other program does not matter.

    Args:
        members: as they were stored.
        temperature: of U(R; T), K.
    """

    def __init__(self, members: list[StoredModel], temperature: float) -> None:
        super().__init__()
        self.members = torch.nn.ModuleList([ScriptedNetwork(one, temperature) for one in members])
        self._n_beads = Topology.of(members[0].values).size

    def forward(
        self,
        systems: List[System],
        outputs: Dict[str, ModelOutput],
        selected_atoms: Optional[Labels] = None,
    ) -> Dict[str, TensorMap]:
        """Energies of systems in kJ/mol; called by the other program."""
        found = torch.jit.annotate(Dict[str, TensorMap], {})
        if "energy" not in outputs:
            return found
        energies = torch.jit.annotate(List[torch.Tensor], [])
        for system in systems:
            energies.append(self._energy(system))
        values = torch.stack(energies).reshape(-1, 1)
        device = values.device
        block = TensorBlock(
            values=values,
            samples=Labels(
                ["system"], torch.arange(len(systems), device=device).to(torch.int32).reshape(-1, 1)
            ),
            components=torch.jit.annotate(List[Labels], []),
            properties=Labels(["energy"], torch.zeros(1, 1, dtype=torch.int32, device=device)),
        )
        key = Labels(["_"], torch.zeros(1, 1, dtype=torch.int32, device=device))
        found["energy"] = TensorMap(key, [block])
        return found

    def _energy(self, system: System) -> torch.Tensor:
        if len(system.types) != self._n_beads:
            raise ValueError(
                f"this model is of {self._n_beads} beads, but the system has {len(system.types)}"
            )
        positions = system.positions[torch.argsort(system.types)]
        if bool(system.pbc.all()):
            positions = self.members[0].whole(positions, system.cell)
        energy = torch.zeros_like(positions[0, 0])
        for member in self.members:
            energy = energy + member(positions)
        return energy / len(self.members)


def write_metatomic(models: list[Path], temperature: float, output: Path) -> None:
    """Write the file (.pt).

    Args:
        models: the ensemble's members (.safetensors, with their .json), of kind `cgnet`.
        temperature: of U(R; T), K.
        output: file to write.

    Raises:
        InputError: a file is missing or damaged, or the model is of another kind or of several
            molecules.
    """
    members = [StoredModel.read(path) for path in models]
    molecule = Topology.of(members[0].values)
    if not is_one(molecule):
        raise InputError(
            f"{models[0]}: has beads of several molecules; allowed are models of beads that bonds "
            "connect"
        )
    module = MeanNetwork(members, temperature).train(False)
    metadata = ModelMetadata(
        name=output.stem,
        description=f"CG potential U(R; T) at {temperature:g} K; type k is bead k: "
        + ", ".join(f"{k} {name}" for k, name in enumerate(molecule.names, 1)),
    )
    capabilities = ModelCapabilities(
        outputs={"energy": ModelOutput(unit="kJ/mol")},
        atomic_types=list(range(1, molecule.size + 1)),
        interaction_range=REACH,
        length_unit="nm",
        supported_devices=["cpu", "cuda"],
        dtype="float64",
    )
    AtomisticModel(module, metadata, capabilities).save(str(output))
