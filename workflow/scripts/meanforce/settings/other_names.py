"""Names by which users of other programs ask for a kind that has another name here."""

import difflib
import re
from collections.abc import Sequence

OTHER_NAMES = {
    "radius_of_gyration": ("rg", "rgyr", "gyration", "gyr", "gyrate"),
    "dihedral": ("torsion", "phi", "psi", "dih"),
    "distance": ("dist", "bond", "end_to_end", "ete"),
    "coordination": ("contacts", "contact_number"),
    "native_contacts": ("q", "native", "fraction_of_native_contacts"),
    "path_s": ("path", "pathcv", "spath"),
    "coordinate": ("position", "x", "y", "z"),
    "rmsd": ("drmsd", "rms"),
    "metadynamics": ("metad", "wtmetad", "well_tempered", "opes"),
    "replica_exchange": ("remd", "rexmd", "parallel_tempering", "repex"),
    "unbiased": ("md", "plain", "nvt"),
    "umbrella": ("us", "umbrella_sampling"),
    "external": ("files", "import"),
    "solvated_peptide": ("water_box", "solvated", "solvated_protein"),
    "peptide": ("protein", "molecule"),
    "liquid": ("bulk", "melt"),
    "cgnet": ("cgschnet", "network", "nn", "mlp", "schnet"),
    "local_cgnet": ("behler_parrinello", "hdnnp", "bpnn", "ani"),
    "mace": ("nequip", "allegro", "equivariant"),
    "ca": ("calpha", "alpha", "c_alpha"),
    "heavy": ("heavy_atoms", "noh"),
}
"""Kind: other names of it, or of what comes nearest, in lower case."""


def kind_called(given: object, allowed: Sequence[str]) -> str | None:
    """The allowed name that is given in other case, or by another of its names; else None."""
    plain = re.sub(r"[^a-z0-9]+", "_", str(given).lower()).strip("_")
    return next(
        (name for name in allowed if name == plain or plain in OTHER_NAMES.get(name, ())), None
    )


def meant(given: object, allowed: Sequence[str]) -> str:
    """A hint at the allowed name that is most likely meant; empty without one.

    Args:
        given: what stands in the config.
        allowed: names.
    """
    found = kind_called(given, allowed)
    near = [found] if found else difflib.get_close_matches(str(given), list(allowed), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
