"""What a user may not have meant, though it can be simulated: notices, and too long time steps."""

import dataclasses
import re

import numpy as np

from meanforce.errors import InputError
from meanforce.settings.systems.files import FilesSettings
from meanforce.settings.systems.registry import System
from meanforce.systems.facts import Facts

CHARGED = 0.5
"""Net charge, e, from which a molecule in vacuum is called charged."""

HEAVY = 2.5
"""Mass of a hydrogen, u, from which it allows long time steps; 3 or 4 u are usual."""

WATER_FILE = r"tip\d|spce|opc|water"
"""Part of the names of files of water models."""

MODELS = (
    ("amber96", "amber96_obc.xml"),
    ("amber99", "amber99_obc.xml"),
    ("amber03", "amber03_obc.xml"),
    ("amber10", "amber10_obc.xml"),
    ("amoeba2009", "amoeba2009_gk.xml"),
    ("amoeba2013", "amoeba2013_gk.xml"),
    ("amoeba2018", "amoeba2018_gk.xml"),
    ("amber14", "implicit/gbn2.xml"),
    ("amber19", "implicit/gbn2.xml"),
    ("charmm36", "implicit/gbn2.xml"),
)
"""Beginnings of the names of force fields, and a file of implicit solvent that fits each."""


def vacuum_notice(settings: System, facts: Facts, periodic: bool = False) -> str | None:
    """A sentence on a molecule in vacuum; None where it is in some solvent.

    Force field files decide on the solvent of the kind `peptide`, so that a missing file leaves
    no other trace.

    Args:
        settings: of the system.
        facts: from its force field.
        periodic: whether it is in a periodic box.
    """
    if facts.implicit_solvent or periodic:
        return None
    net = 0.0 if facts.charges is None else float(np.sum(facts.charges))
    charged = f", with a net charge of {net:+.0f} e" if abs(net) > CHARGED else ""
    if isinstance(settings, FilesSettings):
        key = "'implicit_solvent', or " if hasattr(settings, "implicit_solvent") else ""
        return (
            f"the molecule is in vacuum{charged}, because its files have neither a periodic box "
            f"nor an implicit solvent; charged groups then stick to each other; give {key}files "
            "of a box with water, if this is not meant"
        )
    if settings.kind != "peptide":
        return None
    names = [name.rpartition("/")[2] for name in settings.force_field_files]
    fitting = [file for start, file in MODELS if any(name.startswith(start) for name in names)] or [
        "implicit/gbn2.xml"
    ]
    water = ""
    if any(re.search(WATER_FILE, name) for name in settings.force_field_files):
        water = "; for explicit water, use the kind 'solvated_peptide'"
    return (
        f"the molecule is in vacuum{charged}, because no file of 'force_field' "
        f"({', '.join(settings.force_field_files)}) defines an implicit solvent; charged groups "
        f"then stick to each other; for implicit water add '{fitting[0]}'{water}"
    )


@dataclasses.dataclass(frozen=True)
class TimeStepLimit:
    """How long a time step may be.

    Attributes:
        usual: the longest that is usual, ps.
        largest: the longest that is accepted, ps.
        why: what limits it.
    """

    usual: float
    largest: float
    why: str


def time_step_limit(facts: Facts) -> TimeStepLimit | None:
    """The limit that hydrogens set; None without hydrogens.

    Hydrogens vibrate with periods of about 10 fs, and turn with about 20 fs where their bonds are
    rigid; masses of 3 to 4 u double these. Hopkins et al., J. Chem. Theory Comput. 11, 1864 (2015).
    """
    if not np.isfinite(facts.lightest_hydrogen):
        return None
    heavy = facts.lightest_hydrogen >= HEAVY
    if facts.rigid_hydrogens:
        if heavy:
            return TimeStepLimit(0.004, 0.005, "hydrogens are heavy and their bonds rigid")
        return TimeStepLimit(
            0.002,
            0.0025,
            f"hydrogens of {facts.lightest_hydrogen:.3g} u are light: longer steps, of up to 4 fs, "
            "need heavy ones ('hydrogen_mass: 4 u', where the kind of system has it)",
        )
    return TimeStepLimit(
        0.002 if heavy else 0.001,
        0.0025,
        "bonds of hydrogens are not rigid ('constraints: h_bonds' makes them so)",
    )


def check_time_step(time_step: float, facts: Facts, where: str) -> str | None:
    """Refuse a time step that hydrogens cannot follow.

    Args:
        time_step: ps.
        facts: of the system.
        where: key in the config.

    Returns:
        A sentence on a time step that is longer than usual, or None.

    Raises:
        InputError: it is longer than such systems allow.
    """
    limit = time_step_limit(facts)
    if limit is None or time_step <= limit.usual * 1.001:
        return None
    text = (
        f"{where}: {1000 * time_step:g} fs is longer than the usual {1000 * limit.usual:g} fs; "
        f"{limit.why}"
    )
    if time_step > limit.largest * 1.001:
        raise InputError(f"{text}; at most {1000 * limit.largest:g} fs are accepted")
    return text
