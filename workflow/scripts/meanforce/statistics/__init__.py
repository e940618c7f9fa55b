"""Autocorrelation, resampling, distances and their errors; nothing about beads."""
