"""Atomistic dynamics in OpenMM, one campaign kind a module, and forces without the bias."""
