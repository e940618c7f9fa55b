"""Names of atoms, and how atoms are found by name or by MDTraj selection."""

import collections
import difflib
import re

import mdtraj

from meanforce.errors import MAKE_AGAIN, InputError
from meanforce.mapping.solvent import solute_atoms


def atom_label(atom: mdtraj.core.topology.Atom) -> str:
    """RESIDUE+NUMBER-ATOM, such as ALA2-CA."""
    return f"{atom.residue.name}{atom.residue.resSeq}-{atom.name}"


def solute_labels(topology: mdtraj.Topology) -> dict[int, str]:
    """Label of each solute atom by its index; with its chain in front where two have the same.

    Raises:
        InputError: two atoms of one chain have the same label.
    """
    atoms = [topology.atom(i) for i in solute_atoms(topology)]
    labels = {atom.index: atom_label(atom) for atom in atoms}
    if len(set(labels.values())) < len(labels):
        labels = {
            atom.index: f"{atom.residue.chain.chain_id or atom.residue.chain.index}-{label}"
            for atom, label in zip(atoms, labels.values(), strict=True)
        }
    twice = [name for name, n in collections.Counter(labels.values()).items() if n > 1]
    if twice:
        raise InputError(
            f"structure: several atoms are called {twice[0]}; give chains, residues and atoms "
            "different numbers and names"
        )
    return labels


def residue_labels(topology: mdtraj.Topology) -> dict[int, str]:
    """Label of each solute residue by its index: RESIDUE+NUMBER, as in the labels of its atoms.

    Raises:
        InputError: two atoms of one chain have the same label.
    """
    labels = {}
    for index, label in solute_labels(topology).items():
        atom = topology.atom(index)
        labels.setdefault(atom.residue.index, label.removesuffix(f"-{atom.name}"))
    return labels


def find_atoms(topology: mdtraj.Topology, wanted: str | list[str], where: str) -> list[int]:
    """Indices of solute atoms.

    Args:
        topology: of the system.
        wanted: an MDTraj selection, whose atoms come in the topology's order, or atom names,
            whose order is kept.
        where: config key, for messages.

    Raises:
        InputError: the selection is wrong or empty, or an atom does not exist.
    """
    if isinstance(wanted, str):
        return _select(topology, wanted, where)
    labels = solute_labels(topology)
    found = [_find(topology, labels, name, where) for name in wanted]
    twice = [name for name, atom in zip(wanted, found, strict=True) if found.count(atom) > 1]
    if twice:
        raise InputError(
            f"{where}: {' and '.join(dict.fromkeys(twice))} is given twice; an atom counts once"
        )
    return found


def _find(topology: mdtraj.Topology, labels: dict[int, str], name: str, where: str) -> int:
    matches = [i for i, label in labels.items() if name in (label, topology.atom(i).name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise InputError(
            f"{where}: {len(matches)} atoms are called '{name}'; give one of: "
            f"{', '.join(labels[i] for i in matches)}"
        )
    known = list(labels.values())
    short = {topology.atom(i).name: None for i in labels}
    near = difflib.get_close_matches(name, [*known, *short], n=3)
    raise InputError(
        f"{where}: there is no atom '{name}'; "
        + (f"nearest: {', '.join(near)}" if near else f"atoms here: {', '.join(known)}")
    )


def _select(topology: mdtraj.Topology, text: str, where: str) -> list[int]:
    try:
        selected = {int(i) for i in topology.select(text)}
    except Exception as error:  # MDTraj's parser raises many unrelated types
        raise InputError(f"{where}: '{text}' is not an MDTraj selection") from error
    solute = solute_atoms(topology)
    indices = [i for i in solute if i in selected]
    if not indices:
        known = sorted({topology.atom(i).name for i in solute})
        wanted = re.findall(r"[A-Z][A-Z0-9]*", text)
        near = [m for word in wanted for m in difflib.get_close_matches(word, known, n=2)]
        hint = f" (nearest: {', '.join(dict.fromkeys(near))})" if near else ""
        raise InputError(
            f"{where}: '{text}' selects no atom; atom names here: {', '.join(known)}{hint}"
            f"{_numbers(topology, text)}"
        )
    return indices


def _numbers(topology: mdtraj.Topology, text: str) -> str:
    """How residues are counted, if a selection counts them; else empty."""
    if not re.search(r"\bres(id|Seq|idue)\b", text):
        return ""
    residues = {
        topology.atom(i).residue.index: topology.atom(i).residue for i in solute_atoms(topology)
    }
    first, *_, last = [*residues.values(), *residues.values()]
    return (
        f"; resid counts residues from 0 (here {first.index} to {last.index}), resSeq is the "
        f"number in the file (here {first.resSeq} to {last.resSeq}), so that 'resid {first.index}' "
        f"is {first.name}{first.resSeq}"
    )


def refuse_other_atoms(found: list[str], topology: mdtraj.Topology, trajectory: str) -> None:
    """Refuse a trajectory whose atoms are not those of the prepared system.

    Args:
        found: labels of the trajectory's atoms, as `atom_label` gives them.
        topology: of the prepared system.
        trajectory: file, for the message.

    Raises:
        InputError: another number of atoms, or other atoms.
    """
    if len(found) != topology.n_atoms:
        raise InputError(
            f"{trajectory}: has {len(found)} atoms, but the prepared system {topology.n_atoms}"
        )
    for number, (label, atom) in enumerate(zip(found, topology.atoms, strict=True), 1):
        if label != atom_label(atom):
            raise InputError(
                f"{trajectory}: its atom number {number} is {label}, but {atom_label(atom)} in the "
                f"prepared system; {MAKE_AGAIN}"
            )
