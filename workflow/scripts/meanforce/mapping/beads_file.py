"""Files `beads.json`: the beads of a mapping of one prepared system, exactly as they were built.

Beads of a molecule type are written once, with the places of its molecules among the atoms. A file
has both kinds of masses, so that the choice between them concerns only the datasets, and
not the campaigns that are biased along the beads' coordinates.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

from meanforce.core.beads import Beads
from meanforce.errors import MAKE_AGAIN, InputError
from meanforce.settings.mappings import MappingSettings

FORMAT = 1

MASSES: tuple[str, ...] = get_args(MappingSettings.model_fields["masses"].annotation)
"""Kinds of bead masses."""


@dataclasses.dataclass(frozen=True)
class MappedSystem:
    """The beads of a mapping on a system.

    Attributes:
        mapping: its name.
        n_atoms: of the system.
        beads: the beads, by kind of their masses.
    """

    mapping: str
    n_atoms: int
    beads: dict[str, Beads]

    def write(self, path: Path) -> None:
        """Write the file; what `read` reads from it is the same to the last bit."""
        values = {
            "format": FORMAT,
            "mapping": self.mapping,
            "n_atoms": self.n_atoms,
            "molecule_types": _plain(self.beads),
        }
        text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "MappedSystem":
        """Read what `write` wrote.

        Raises:
            InputError: the file is missing, damaged, or of another version.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                raise ValueError(f"its format is {values['format']}, this version reads {FORMAT}")
            beads = {kind: _beads(values, kind) for kind in MASSES}
            return cls(values["mapping"], values["n_atoms"], beads)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise InputError(
                f"{path}: is not a file of beads of meanforce ({error}); {MAKE_AGAIN}"
            ) from error

    def check_atoms(self, n_atoms: int, path: Path) -> None:
        """Refuse the beads of another system.

        Raises:
            InputError: the system has another number of atoms.
        """
        if self.n_atoms != n_atoms:
            raise InputError(
                f"{path}: has beads of a system of {self.n_atoms} atoms, but the prepared system "
                f"has {n_atoms}; {MAKE_AGAIN}"
            )


def _plain(beads: dict[str, Beads]) -> list[dict[str, Any]]:
    """Each molecule type once, with all kinds of masses."""
    first, *_ = beads.values()
    return [
        part.parameters()
        | {"masses": {kind: list(own.parts[number].masses) for kind, own in beads.items()}}
        for number, part in enumerate(first.parts)
    ]


def _beads(values: dict[str, Any], masses: str) -> Beads:
    types = [one | {"masses": one["masses"][masses]} for one in values["molecule_types"]]
    return Beads.of({"molecule_types": types})
