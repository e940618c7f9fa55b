"""The report's page and its figures, one figure a module."""
