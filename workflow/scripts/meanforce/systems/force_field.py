"""Force field files: names that OpenMM ships, or the user's own."""

import contextlib
import difflib
import functools
import importlib.metadata
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from openmm import app

from meanforce.errors import InputError
from meanforce.systems.water import is_water, symbol

CODE = ("Script", "InitializationScript", "Include")
"""Elements of force field files from which OpenMM runs code."""

REMEDIES = (
    (
        "Multiple non-identical matching templates",
        "the force field has several definitions with these atoms, such as one of a residue and "
        "one of a whole capped molecule; use another force field",
    ),
    (
        "different 1-4 scales",
        "the files belong to different families of force fields; a water model of the same family "
        "is in its folder, such as 'charmm36/water.xml' or 'amber14/tip3p.xml'",
    ),
    (
        "with the same override level",
        "two of the files define the same residue; leave one of them out",
    ),
    (
        "GBSAOBCForce: No parameters defined",
        "the file of implicit solvent belongs to another force field, or lacks an ion; use one "
        "that fits any, such as 'implicit/obc2.xml' or 'implicit/gbn2.xml'",
    ),
    (
        "contains no residue templates",
        "none of the files is a force field of molecules; add one, such as 'amber14-all.xml'",
    ),
)
"""Parts of OpenMM's messages, and what to do."""

NO_FORCE_FIELDS = ("hydrogens.xml", "glycam-hydrogens.xml", "residues.xml", "pdbNames.xml")
"""XML files that OpenMM ships beside its force fields."""


@functools.cache
def shipped() -> tuple[str, ...]:
    """Names of the force field files of OpenMM and of packages that add to them."""
    folders = [Path(app.__file__).parent / "data"]
    for entry in importlib.metadata.entry_points(group="openmm.forcefielddir"):
        folders.append(Path(entry.load()()))
    return tuple(
        sorted(
            path.relative_to(folder).as_posix()
            for folder in folders
            for path in folder.rglob("*.xml")
            if path.name not in NO_FORCE_FIELDS
        )
    )


def check(names: list[str]) -> None:
    """Refuse files that do not exist, and the user's own that hold code.

    Raises:
        InputError: names the file, and the nearest ones that OpenMM ships.
    """
    known = shipped()
    for name in names:
        if name in known:
            continue
        if Path(name).is_file():
            _refuse_code(name)
            continue
        near = nearest(name, known)
        hint = f"; nearest: {', '.join(near)}" if near else f"; OpenMM ships {', '.join(known)}"
        raise InputError(
            f"force_field: there is no file '{name}', neither yours nor one that OpenMM ships{hint}"
        )


FAMILIES = (
    (r"ff19sb|amber19|19sb", ("amber19-all.xml",)),
    (r"ff14sb|amber14|14sb", ("amber14-all.xml", "amber14/protein.ff14SB.xml")),
    (r"ildn", ("amber99sbildn.xml",)),
    (r"99sb|amber99", ("amber99sb.xml", "amber99sbildn.xml")),
    (r"charmm36|charmm27|c36", ("charmm36.xml", "charmm36_2024.xml")),
    (r"gbn2|igb8", ("implicit/gbn2.xml",)),
    (r"obc|gbsa", ("implicit/obc2.xml", "amber99_obc.xml")),
    (r"tip3p", ("tip3p.xml", "amber14/tip3p.xml", "charmm36/water.xml")),
    (r"tip4p", ("tip4pew.xml", "amber14/tip4pew.xml")),
    (r"spc", ("spce.xml", "amber14/spce.xml")),
)
"""Parts of names that other programs give force fields, and the files of OpenMM for them."""


SLIP = 0.9
"""Similarity of two names, from `difflib`, from which one is taken for the other's misspelling."""


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """Files whose names differ by a slip, of the same family, or similar; at most three."""
    found = difflib.get_close_matches(name, known, n=3, cutoff=SLIP)
    for pattern, files in FAMILIES:
        if not found and re.search(pattern, name, re.IGNORECASE):
            found = [file for file in files if file in known]
    return found or difflib.get_close_matches(name, known, n=3)


def _refuse_code(name: str) -> None:
    """Refuse Python code and includes in a force field file: OpenMM would run the code of both."""
    try:
        root = ElementTree.parse(name).getroot()  # noqa: S314  # OpenMM reads it the same way
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise InputError(f"force_field: '{name}' cannot be read ({error})") from error
    for tag in CODE:
        if root.find(tag) is not None:
            raise InputError(
                f"force_field: '{name}' has an element <{tag}>, which could run code; it is not "
                "allowed in your own files, only in those that OpenMM ships"
            )


def load(names: list[str]) -> app.ForceField:
    """Force field from its files.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    check(names)
    try:
        return app.ForceField(*names)
    except Exception as error:  # OpenMM's reader raises many kinds of errors
        raise InputError(
            f"force_field: {names} cannot be read ({sentence(error)}){_known_remedy(error)}"
        ) from error


@contextlib.contextmanager
def fitting(names: list[str], structure: str, topology: app.Topology) -> Iterator[None]:
    """Report which files do not fit each other, with OpenMM's message, which has the residue.

    Args:
        names: force field files.
        structure: file of the structure.
        topology: of the structure.

    Raises:
        InputError: a residue has no template, has several, or lacks atoms.
    """
    try:
        yield
    except Exception as error:  # OpenMM raises plain exceptions of many kinds
        remedy = _known_remedy(error) or _remedy(topology)
        raise InputError(
            f"force_field: {names} does not fit '{structure}' ({sentence(error)}){remedy}"
        ) from error


def _known_remedy(error: Exception) -> str:
    return "".join(f"; {text}" for part, text in REMEDIES if part in str(error))


def _remedy(topology: app.Topology) -> str:
    """What to do about a structure that lacks hydrogens; empty if it has some everywhere."""
    symbols = [symbol(atom) for atom in topology.atoms()]
    if "H" not in symbols:
        return (
            "; the structure has no hydrogens: add them, for example with PDBFixer, "
            "'gmx pdb2gmx' or OpenMM's Modeller.addHydrogens"
        )
    bare = [r for r in topology.residues() if is_water(r) and len(list(r.atoms())) == 1]
    if bare:
        return (
            f"; {len(bare)} water molecules, such as {bare[0].name}{bare[0].id}, have no "
            "hydrogens: remove them from the structure, or add hydrogens"
        )
    ions = [r for r in topology.residues() if len(list(r.atoms())) == 1]
    if ions:
        return (
            f"; {ions[0].name}{ions[0].id} is a single atom: parameters of ions are in the files "
            "of water models, such as 'amber14/tip3p.xml'; remove it from the structure if the "
            "molecule does not need it"
        )
    return ""


def sentence(error: Exception) -> str:
    """OpenMM's message on one line, without its advice where to read more."""
    return " ".join(str(error).split()).split(" For more information")[0].rstrip(".")
