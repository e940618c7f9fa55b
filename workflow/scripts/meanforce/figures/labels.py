"""Names of quantities in figures."""

LABELS = {"rdf": ("g(r)", ""), "msd": ("MSD", "nm²")}
"""Kinds of profiles that are not free energies: label and unit of what is drawn."""
