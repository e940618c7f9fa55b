"""A collective variable of every kind, on six beads of one or of several atoms."""

import numpy as np

from meanforce.core.beads import Beads
from meanforce.settings.collective_variables import (
    CollectiveVariableSettings,
)
from meanforce.settings.job import validated

NAMES = tuple("ABCDEF")
RADIUS = 0.45


def define(kind: str, **values) -> dict:
    return {"kind": kind, "mapping": "m"} | values


PLAIN = {
    "coordinate": define("coordinate", beads=["C"], axis="y"),
    "distance": define("distance", beads=["A", "D"]),
    "angle": define("angle", beads=["B", "A", "E"]),
    "dihedral": define("dihedral", beads=["A", "B", "C", "D"]),
    "cos_dihedral": define("cos_dihedral", beads=["A", "B", "C", "D"]),
    "sin_dihedral": define("sin_dihedral", beads=["F", "B", "C", "E"]),
    "coordination": define(
        "coordination", beads=["A", "B", "C"], other_beads=["C", "D", "E"], radius=RADIUS
    ),
    "coordination of a group with itself": define(
        "coordination", beads=["A", "B", "C"], other_beads=["A", "B", "C"], radius=RADIUS
    ),
    "distance_2": define("distance", beads=["E", "B"]),
}
STRUCTURES = np.random.default_rng(5).uniform(0.0, 1.0, (4, 6, 3)).round(3)


def whole(kind: str, beads: str, structures: slice | None = None, **values) -> dict:
    """A function of a whole structure, complete; beads are in another order than in the mapping."""
    chosen = [NAMES.index(name) for name in beads]
    values |= {"residues": chosen}
    if structures is not None:
        given = STRUCTURES[structures][:, chosen]
        values |= {"references": ["a.pdb"], "structures": given.tolist()}
    return define(kind, beads=[*beads], **values)


WHOLE = {
    "rmsd": whole("rmsd", "ABCDEF", slice(1)),
    "rmsd of some": whole("rmsd", "EBCA", slice(1)),
    "radius_of_gyration": whole("radius_of_gyration", "FBCD"),
    "native_contacts": whole(
        "native_contacts", "ABCDEF", slice(1), cutoff=0.8, separation=1, tolerance=1.2
    ),
    "path_s": whole("path_s", "ABCDFE", slice(4)),
    "path_z": whole("path_z", "ABCD", slice(3)),
}
PLAIN |= WHOLE
COMBINED = {
    "combination_of_lengths": {"coordinate": 0.4, "distance": -1.5, "distance_2": 0.7},
    "combination_of_numbers": {"cos_dihedral": 2.0, "sin_dihedral": -1.0, "coordination": 0.3},
    "combination_of_angles": {"angle": -2.0},
}
VARIABLES = validated(
    dict[str, CollectiveVariableSettings],
    PLAIN
    | {
        name: define(
            "combination",
            coefficients=coefficients,
            members={member: PLAIN[member] for member in coefficients},
        )
        for name, coefficients in COMBINED.items()
    },
    "collective_variables",
)


def beads(per_bead: int) -> Beads:
    """Six beads of one atom, or weighted groups whose last bead is one atom all the same."""
    sizes = [per_bead] * 5 + [1]
    ends = np.cumsum(sizes)
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0.2, 1.0, size) for size in sizes]
    return Beads.of_beads(
        names=NAMES,
        atoms=tuple(
            tuple(range(end - size, end)) for end, size in zip(ends, sizes, strict=True)
        ),
        weights=tuple(tuple((row / row.sum()).tolist()) for row in weights),
        bonds=(),
        masses=np.ones(6),
    )  # fmt: skip


MAPPINGS = {"one atom": beads(1), "groups": beads(3)}
