"""Names of quantities in figures."""

LABELS = {
    "rdf": ("g(r)", ""),
    "msd": ("MSD", "nm²"),
    "bond_density": ("density", "1/nm"),
    "angle_density": ("density", "1/rad"),
    "dihedral_density": ("density", "1/rad"),
}
"""Kinds of profiles that are not free energies: label and unit of what is drawn."""

ACROSS = {
    "rdf": "r",
    "msd": "time",
    "bond_density": "length",
    "angle_density": "angle",
    "dihedral_density": "dihedral",
}
"""What these are functions of; free energies are those of the quantity itself."""
