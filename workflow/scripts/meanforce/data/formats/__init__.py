"""Readers of trajectories that other programs wrote: one module a family of formats."""
