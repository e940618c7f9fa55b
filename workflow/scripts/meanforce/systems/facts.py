"""What checks before any job need of a parametrised system, and a file that keeps it.

Loading a large force field takes 3 to 20 s, so that the result is kept until the settings, a file
or the code changes.
"""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import math
import os
import zipfile
from pathlib import Path

import numpy as np
import openmm
from openmm import app, unit

from meanforce.settings.systems.registry import System
from meanforce.systems.described import Described
from meanforce.systems.input_files import files_of
from meanforce.systems.water import is_water, symbol

IMPLICIT = (openmm.GBSAOBCForce, openmm.CustomGBForce, openmm.AmoebaGeneralizedKirkwoodForce)
"""Forces of implicit solvent."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """Properties of a parametrised system.

    Attributes:
        constraints: pairs of atoms at a fixed distance, shape (n_constraints, 2).
        charges: e, shape (n_atoms,); None where the force field has none.
        implicit_solvent: whether there is a force of implicit solvent.
        lightest_hydrogen: least mass of a bonded hydrogen outside rigid water, u; infinite without
            any.
        rigid_hydrogens: whether all bonds of hydrogens are rigid.
    """

    constraints: np.ndarray
    charges: np.ndarray | None
    implicit_solvent: bool
    lightest_hydrogen: float
    rigid_hydrogens: bool

    @classmethod
    def of(cls, system: openmm.System, topology: app.Topology) -> "Facts":
        """Properties of a system with the atoms of a topology."""
        number = system.getNumConstraints()
        pairs = [system.getConstraintParameters(i)[:2] for i in range(number)]
        constraints = np.array(pairs, dtype=int).reshape(-1, 2)
        held = np.zeros(system.getNumParticles(), dtype=bool)
        held[constraints] = True
        lightest, rigid = math.inf, True
        bonded = {atom for bond in topology.bonds() for atom in bond}
        for residue in topology.residues():
            hydrogens = [a.index for a in residue.atoms() if symbol(a) == "H" and a in bonded]
            if not held[hydrogens].all():
                rigid = False
            elif is_water(residue):
                continue
            masses = [system.getParticleMass(i).value_in_unit(unit.dalton) for i in hydrogens]
            lightest = min([lightest, *masses])
        return cls(
            constraints=constraints,
            charges=charges_of(system),
            implicit_solvent=any(isinstance(force, IMPLICIT) for force in system.getForces()),
            lightest_hydrogen=lightest,
            rigid_hydrogens=rigid,
        )


def charges_of(system: openmm.System) -> np.ndarray | None:
    """Charges of the atoms in e, shape (n_atoms,); None where the force field has none."""
    for force in system.getForces():
        if isinstance(force, openmm.NonbondedForce):
            numbers = range(force.getNumParticles())
            charges = [force.getParticleParameters(i)[0] for i in numbers]
            return np.array([charge.value_in_unit(unit.elementary_charge) for charge in charges])
    return None


def facts_of(settings: System, described: Described, kept: Path | None = None) -> Facts:
    """Properties of a system that is described.

    Args:
        settings: of the system.
        described: by them.
        kept: file (`.npz`) that keeps them for the next time, or None.

    Raises:
        InputError: the force field does not fit the structure.
    """
    key = _key(settings) if kept is not None else ""
    facts = _read(kept, key) if kept is not None else None
    if facts is None:
        facts = Facts.of(described.parametrised(), described.topology)
        if kept is not None:
            _write(kept, key, facts)
    return facts


def _key(settings: System) -> str:
    """Fingerprint of all that the properties depend on."""
    entries = importlib.metadata.entry_points(group="openmm.forcefielddir")
    found = [
        openmm.version.full_version,
        *sorted(f"{entry.dist.name} {entry.dist.version}" for entry in entries if entry.dist),
        settings.model_dump_json(),
    ]
    code = sorted(Path(__file__).parent.glob("*.py"))
    for path in (*code, *map(Path, files_of(settings))):
        found.append(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _read(path: Path, key: str) -> Facts | None:
    """What is kept under this key; None if there is nothing, or the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if str(arrays["key"]) != key:
                return None
            charges = arrays["charges"]
            return Facts(
                constraints=arrays["constraints"],
                charges=charges if len(charges) else None,
                implicit_solvent=bool(arrays["implicit_solvent"]),
                lightest_hydrogen=float(arrays["lightest_hydrogen"]),
                rigid_hydrogens=bool(arrays["rigid_hydrogens"]),
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _write(path: Path, key: str, facts: Facts) -> None:
    """Keep properties; a folder that cannot be written only costs time."""
    arrays = dataclasses.asdict(facts)
    if facts.charges is None:
        arrays["charges"] = np.zeros(0)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.part")
        with partial.open("wb") as file:
            np.savez(file, key=np.array(key), **arrays)
        partial.replace(path)
