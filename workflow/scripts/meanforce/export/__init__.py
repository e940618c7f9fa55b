"""Mapped data as datasets of other programs."""
