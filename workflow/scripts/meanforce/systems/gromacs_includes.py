"""A GROMACS topology in one piece: what its preprocessor leaves of it, and which files it reads.

OpenMM's reader seeks included files in one folder only, skips sections that it does not
implement, restraints among them, and adds dihedral types that a force field repeats. Here files are
included as GROMACS does, such sections are refused, and repetitions are left out. Macros in data
lines are left to the reader.
"""

import dataclasses
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from meanforce.errors import InputError

DEEPEST = 50
"""Files that include each other are nested at most so deep."""

READ = frozenset(
    {
        "defaults", "moleculetype", "molecules", "atoms", "bonds", "angles", "dihedrals",
        "exclusions", "pairs", "constraints", "settles", "cmap", "atomtypes", "bondtypes",
        "angletypes", "dihedraltypes", "pairtypes", "cmaptypes", "nonbond_params",
        "virtual_sites2", "dummies2", "virtual_sites3", "dummies3",
    }
)  # fmt: skip
"""Sections that OpenMM's reader implements."""

WITHOUT_EFFECT = frozenset({"system", "constrainttypes", "implicit_genborn_params"})
"""Sections without interactions of their own."""


@dataclasses.dataclass
class Preprocessed:
    """A topology as the preprocessor leaves it.

    Attributes:
        lines: of the text, without those that conditions exclude.
        files: that were read, in order.
        defined: names of macros.
    """

    lines: list[str]
    files: list[str]
    defined: set[str]

    @property
    def text(self) -> str:
        """The whole topology."""
        return "".join(without_repetitions(self.lines))


def preprocess(path: str, folders: Sequence[str], defines: Sequence[str]) -> Preprocessed:
    """Include all files of a topology.

    Args:
        path: of the topology.
        folders: in which included files are sought, after that of the including file.
        defines: names of macros that are defined before.

    Raises:
        InputError: a file cannot be found or read, conditions are not closed, or a section would be
            skipped.
    """
    # OpenMM's reader defines it too: bonds of water are then given in the files.
    found = Preprocessed([], [], {"FLEXIBLE", *defines})
    places = [*folders, *installed_folders()]
    _include(path, places, found, 0)
    return found


def without_repetitions(lines: Sequence[str]) -> list[str]:
    """Lines without dihedral types that are defined again.

    Several terms of one dihedral (function 9) stand in consecutive lines. GROMACS ignores a later
    line for the same atom types if it is the same as the first one, and refuses it otherwise.
    """
    kept, section, last = [], "", None
    seen: set[tuple[str, ...]] = set()
    for line in lines:
        words = line.split(";", 1)[0].split()
        if words and words[0].startswith("["):
            section, last = _section(line), None
        elif section == "dihedraltypes" and len(words) > 5 and words[4] == "9":
            types = tuple(words[:4])
            if types != last and types in seen:
                continue
            seen |= {types, types[::-1]}
            last = types
        kept.append(line)
    return kept


def installed_folders() -> list[str]:
    """Folders in which GROMACS seeks included files, in its order."""
    places = [Path(part) for part in os.environ.get("GMXLIB", "").split(os.pathsep) if part]
    if data := os.environ.get("GMXDATA"):
        places += [Path(data) / "top", Path(data) / "gromacs" / "top"]
    if program := shutil.which("gmx"):
        places.append(Path(program).resolve().parents[1] / "share" / "gromacs" / "top")
    return [str(place) for place in places if place.is_dir()]


def _include(path: str, places: list[str], found: Preprocessed, depth: int) -> None:
    if depth > DEEPEST:
        raise InputError(f"topology: '{path}' includes itself, over {DEEPEST} files deep")
    found.files.append(path)
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise InputError(f"topology: '{path}' cannot be read ({error})") from error
    conditions: list[bool] = []
    for line in lines:
        words = line.split(";", 1)[0].split()
        command = words[0] if words else ""
        name = words[1] if len(words) > 1 else ""
        if command in ("#ifdef", "#ifndef"):
            conditions.append((name in found.defined) == (command == "#ifdef"))
        elif command in ("#else", "#endif"):
            if not conditions:
                raise InputError(f"topology: '{path}' has {command} without #ifdef")
            last = conditions.pop()
            if command == "#else":
                conditions.append(not last)
        elif not all(conditions):
            continue
        elif command == "#include":
            wanted = line.split(";", 1)[0].strip()[len(command) :].strip(' \t"<>')
            _include(_found(wanted, path, places), places, found, depth + 1)
        else:
            if command == "#define":
                found.defined.add(name)
            elif command == "#undef":
                found.defined.discard(name)
            elif command.startswith("["):
                _refuse_skipped(line, path)
            found.lines.append(line + "\n")
    if conditions:
        raise InputError(f"topology: '{path}' has #ifdef without #endif")


def _found(wanted: str, including: str, places: list[str]) -> str:
    own = [str(Path(including).parent), *places]
    for folder in own:
        if (Path(folder) / wanted).is_file():
            return str(Path(folder) / wanted)
    raise InputError(
        f"topology: '{including}' includes '{wanted}', which is in none of the folders "
        f"{', '.join(own)}; add its folder to 'include'"
    )


def _refuse_skipped(line: str, path: str) -> None:
    section = _section(line)
    if section not in READ | WITHOUT_EFFECT:
        raise InputError(
            f"topology: '{path}' has a section [ {section} ], which OpenMM does not read, so that "
            "its interactions would be missing; leave it out, or the macro that includes it"
        )


def _section(line: str) -> str:
    return line.split(";", 1)[0].strip().strip("[]").strip()
