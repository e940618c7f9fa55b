"""Atomistic systems: builders, equilibration, platforms, and exact results."""
