"""The report's page and its figures, one figure per module."""
