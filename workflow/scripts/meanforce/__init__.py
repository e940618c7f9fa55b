"""Coarse-grained potentials from biased atomistic dynamics, and how good they are."""
