"""Fits that iterate: a CG run, its distributions, an update of the potential, and again."""
