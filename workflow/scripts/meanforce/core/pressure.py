"""Unit of pressures."""

BAR = 0.0602214076
"""kJ/mol/nm³ in one bar."""
