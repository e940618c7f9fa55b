"""Fitted curves as tables for OpenMM, LAMMPS and GROMACS."""
