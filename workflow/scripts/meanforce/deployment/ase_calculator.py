"""A deployed model as a calculator of ASE, which i-PI, torch-sim and OpenMM-ML take as well.

Needs the package `ase`. Units are ASE's: eV, Å.
"""

from pathlib import Path
from typing import ClassVar

import ase
import numpy as np
import torch
from ase import units
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from openmm import app, unit

from meanforce.deployment.evaluator import Evaluator, TorchEvaluator, evaluator_of
from meanforce.deployment.folder import Deployed
from meanforce.deployment.watched import Watched
from meanforce.errors import InputError

ANGSTROM = 0.1
"""nm."""

KJ = units.kJ / units.mol
"""kJ/mol in eV, with ASE's constants."""

STRAIN = 1e-5
"""Strains between which energies are compared for the stress."""


class DeployedCalculator(Calculator):
    """Energy, forces and, in a periodic cell, stress of a deployed model.

    Atoms are the beads in the model's order, whatever their symbols are; `atoms` makes them.

    Args:
        folder: made by `deploy.py`.
        temperature: T of U(R; T) in K, if not that of the folder; it sets no thermostat.

    Raises:
        InputError: the folder is incomplete, damaged, or of a later version.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, folder: Path | str, temperature: float | None = None, **options) -> None:
        super().__init__(**options)
        self._model = Deployed.read(folder, temperature)
        self._whole = evaluator_of(self._model.potential, self._model.temperature)
        self._domain = self._model.card.domain
        if self._domain is not None:
            self._whole = Watched(self._whole, self._domain)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        """Called by ASE.

        Raises:
            InputError: other numbers of beads, or a cell that the model does not support.
        """
        super().calculate(atoms, properties, system_changes)
        positions, cell = self._beads()
        energy, forces = self._evaluator(cell).energy_and_forces(positions)
        self.results = {
            "energy": energy * KJ,
            "free_energy": energy * KJ,
            "forces": forces * ANGSTROM * KJ,
        }
        if "stress" in properties:
            self.results["stress"] = self._stress(positions, cell)

    def _beads(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Positions and cell in nm."""
        number, wanted = len(self.atoms), len(self._model.masses)
        if number != wanted:
            raise InputError(f"the atoms: are {number}, but the model has {wanted} beads")
        periodic = self.atoms.pbc
        if periodic.any() and not periodic.all():
            raise InputError(
                f"the atoms: are periodic along some axes only (pbc {periodic.tolist()}); allowed "
                "are all or none"
            )
        cell = self.atoms.cell.array * ANGSTROM if periodic.all() else None
        return self.atoms.positions * ANGSTROM, cell

    def _evaluator(self, cell: np.ndarray | None) -> Evaluator:
        if cell is None:
            return self._whole
        return TorchEvaluator(self._model.potential, self._model.temperature, cell)

    def _stress(self, positions: np.ndarray, cell: np.ndarray | None) -> np.ndarray:
        """(1/V) dU/dε in eV/Å³ in Voigt's order, from energies of strained cells.

        In double precision the error of central differences is about 1e-9 of the energy.
        """
        if cell is None:
            raise InputError("the atoms: have no periodic cell, so that there is no stress")
        wide, stress = self._model.potential.to(torch.float64), np.zeros((3, 3))
        for i in range(3):
            for j in range(i, 3):
                energies = []
                for sign in (1.0, -1.0):
                    strain = np.eye(3)
                    strain[i, j] += 0.5 * sign * STRAIN
                    strain[j, i] += 0.5 * sign * STRAIN
                    one = TorchEvaluator(wide, self._model.temperature, cell @ strain)
                    energies.append(one.energy_and_forces(positions @ strain)[0])
                stress[i, j] = stress[j, i] = (energies[0] - energies[1]) / (2.0 * STRAIN)
        return full_3x3_to_voigt_6_stress(stress * KJ / (abs(np.linalg.det(cell)) / ANGSTROM**3))


def atoms(folder: Path | str) -> ase.Atoms:
    """The beads of a deployed model at its start: element X, with their own masses and names.

    Args:
        folder: made by `deploy.py`.
    """
    model = Deployed.read(folder)
    structure = app.PDBxFile(str(Path(folder) / "topology.cif"))
    positions = structure.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
    names = [atom.name for atom in structure.topology.atoms()]
    cell = None if model.cell is None else model.cell / ANGSTROM
    made = ase.Atoms("X" * len(names), positions, cell=cell, pbc=cell is not None)
    made.set_masses(model.masses)
    made.new_array("bead_names", np.array(names))
    return made
