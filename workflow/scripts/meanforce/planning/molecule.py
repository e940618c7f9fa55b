"""A peptide's structure as a first config needs it: its size, its residues and their torsions."""

import dataclasses

import mdtraj
from openmm import app

from meanforce.errors import InputError
from meanforce.mapping.graph import Graph, neighbours
from meanforce.mapping.names import residue_labels
from meanforce.settings.job import validated
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.systems.peptide import read_structure
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology
from meanforce.systems.water import is_water
from meanforce.systems.water_box import diameter

SALT = ("NA", "CL", "K", "SOD", "CLA", "POT")
"""Names of ions that only make the salt of a solution."""

BACKBONE = ("N", "CA", "C")
"""Atoms of a residue that its torsions turn about."""


@dataclasses.dataclass(frozen=True)
class Torsions:
    """The backbone torsions of one residue.

    Attributes:
        residue: its label, such as VAL2.
        number: of the residue in the structure.
        phi: atoms C, N, CA and C of φ; None where a ring holds it (proline).
        psi: atoms N, CA, C and N of ψ.
    """

    residue: str
    number: int
    phi: tuple[int, ...] | None
    psi: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Molecule:
    """A peptide from a structure file.

    Attributes:
        structure: the file.
        topology: of its atoms, with bonds.
        extent: diameter of a sphere in which it lies, nm.
        torsions: of each residue that has φ and ψ, in order.
        ca: atoms CA, in order.
    """

    structure: str
    topology: mdtraj.Topology
    extent: float
    torsions: tuple[Torsions, ...]
    ca: tuple[int, ...]

    def torsions_of(self, wanted: str) -> Torsions:
        """Torsions of the residue with a number or a label.

        Raises:
            InputError: there is none, or several have this number.
        """
        found = [one for one in self.torsions if wanted in (one.residue, str(one.number))]
        if len(found) == 1:
            return found[0]
        known = ", ".join(one.residue for one in self.torsions) or "none"
        what = f"{len(found)} residues are" if found else "no residue with φ and ψ is"
        raise InputError(f"--residues: {what} called '{wanted}'; those with φ and ψ are: {known}")


def read_molecule(structure: str, force_field: list[str]) -> Molecule:
    """The peptide of a PDB or mmCIF file, which a force field must fit.

    Raises:
        InputError: the file cannot be read, or is not that of one peptide with all of its
            hydrogens, or has residues that the force field does not have.
    """
    values = {"kind": "peptide", "structure": structure, "force_field": force_field}
    settings = validated(PeptideSettings, values, "--structure")
    _check_alone(structure, read_structure(structure).topology)
    described = describe(settings)
    topology = described_topology(described)
    graph = neighbours(topology)
    _check_peptide(structure, topology)
    _check_residues(structure, topology, graph)
    described.parametrised()
    _check_one_molecule(structure, graph)
    return Molecule(
        structure,
        topology,
        diameter(described.positions),
        tuple(_torsions(topology, graph)),
        tuple(atom.index for atom in topology.atoms if _is_ca(atom)),
    )


def _check_alone(structure: str, topology: app.Topology) -> None:
    """Refuse water and ions beside the peptide."""
    water = [f"{one.name}{one.id}" for one in topology.residues() if is_water(one)]
    single = [one for one in topology.residues() if len(list(one.atoms())) == 1]
    ions = [one for one in single if not is_water(one)]
    if water:
        raise InputError(
            f"structure: '{structure}' has {len(water)} water molecule{'s' * (len(water) > 1)} "
            f"({_few(water)}), but a first config is for a peptide alone; remove "
            f"{'them' if len(water) > 1 else 'it'} from the file: '--solvent water' fills a box "
            "with water of its own"
        )
    labels = [f"{one.name}{one.id}" for one in ions]
    if all(one.name.strip("+-").upper() in SALT for one in ions) and ions:
        raise InputError(
            f"structure: '{structure}' has ions ({_few(labels)}), but a first config is for a "
            "peptide alone; remove them: '--solvent water' adds those that neutralise "
            "its charge"
        )
    if ions:
        raise InputError(
            f"structure: '{structure}' has atoms that no bonds connect ({_few(labels)}), but a "
            "first config is for a peptide alone; remove them from the file if the peptide does "
            "not need them; with a metal that it binds, write the config by hand, from files of a "
            "program that has parameters of the site (system kinds gromacs, amber, charmm, openmm)"
        )


def _few(labels: list[str]) -> str:
    return ", ".join(labels[:3]) + (", …" if len(labels) > 3 else "")


def _check_peptide(structure: str, topology: mdtraj.Topology) -> None:
    symbols = [atom.element.symbol for atom in topology.atoms]
    if "H" not in symbols:
        raise InputError(
            f"structure: '{structure}' has no hydrogens, which the force field needs; add them, "
            "for example with Modeller.addHydrogens of OpenMM, pdbfixer or gmx pdb2gmx"
        )
    if not any(map(_is_ca, topology.atoms)):
        raise InputError(f"structure: '{structure}' has no atom CA, so it is not a peptide")


def _check_residues(structure: str, topology: mdtraj.Topology, graph: Graph) -> None:
    """Refuse residues without bonds: the force field's own message would name a neighbour."""
    labels = residue_labels(topology)
    unknown = [
        labels[residue.index]
        for residue in topology.residues
        if residue.n_atoms > 1 and not _has_bonds({atom.index for atom in residue.atoms}, graph)
    ]
    if unknown:
        raise InputError(
            f"structure: '{structure}' has residues without bonds ({', '.join(unknown[:5])}): "
            "OpenMM has no definition of that name, and the file has no CONECT records of them; "
            "rename them, or see the system kinds gromacs, amber, charmm and openmm"
        )


def _has_bonds(atoms: set[int], graph: Graph) -> bool:
    return any(atoms & set(graph[atom]) for atom in atoms)


def _check_one_molecule(structure: str, graph: Graph) -> None:
    molecules = _connected(graph)
    if molecules > 1:
        raise InputError(
            f"structure: '{structure}' has {molecules} molecules that no bonds connect; this "
            "program writes configs of single peptides"
        )


def _connected(graph: Graph) -> int:
    """Number of connected parts."""
    parts, seen = 0, set()
    for first in range(len(graph)):
        if first in seen:
            continue
        parts, front = parts + 1, [first]
        seen.add(first)
        while front:
            front = list({other for atom in front for other in graph[atom]} - seen)
            seen.update(front)
    return parts


def _torsions(topology: mdtraj.Topology, graph: Graph) -> list[Torsions]:
    found, labels = [], residue_labels(topology)
    for residue in topology.residues:
        atoms = {atom.name: atom.index for atom in residue.atoms}
        if not set(BACKBONE) <= set(atoms):
            continue
        n, ca, c = (atoms[name] for name in BACKBONE)
        before = _named(topology, set(graph[n]) - set(atoms.values()), "C")
        after = _named(topology, set(graph[c]) - set(atoms.values()), "N")
        if before is not None and after is not None:
            ring = residue.name == "PRO"
            phi = None if ring else (before, n, ca, c)
            found.append(Torsions(labels[residue.index], residue.resSeq, phi, (n, ca, c, after)))
    return found


def _named(topology: mdtraj.Topology, atoms: set[int], name: str) -> int | None:
    return next((i for i in sorted(atoms) if topology.atom(i).name == name), None)


def _is_ca(atom: mdtraj.core.topology.Atom) -> bool:
    return atom.name == "CA" and atom.element.symbol == "C"
