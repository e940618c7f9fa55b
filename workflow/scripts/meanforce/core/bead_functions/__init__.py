"""Collective variables that are functions of the whole structure of some beads."""
