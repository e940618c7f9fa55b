"""Whether a DCD file ends with a part of a frame."""

import struct
from pathlib import Path

UNIT_CELL, FOURTH, FIXED = 10, 11, 8
"""Places of flags among the integers of a header: unit cells, a fourth dimension, fixed atoms."""


def has_rest(path: Path) -> bool:
    """Whether the frames, which all have the same size, do not fill the file.

    A header is three Fortran records, the last of which holds the number of atoms; a frame is a
    record for the unit cell, if there is one, and one for each dimension.
    """
    with path.open("rb") as file:
        start = file.read(4)
        order = "<" if start == struct.pack("<i", 84) else ">"

        def number() -> int:
            return struct.unpack(f"{order}i", file.read(4))[0]

        file.seek(4 + 4)
        flags = struct.unpack(f"{order}20i", file.read(80))
        file.seek(4, 1)
        # The titles.
        file.seek(number() + 4, 1)
        number()
        n_atoms = number()
        number()
        header = file.tell()
    if flags[FIXED]:
        # Then the first frame is longer than the others.
        return False
    frame = 56 * bool(flags[UNIT_CELL]) + (3 + bool(flags[FOURTH])) * (4 * n_atoms + 8)
    return (path.stat().st_size - header) % frame != 0
