"""Frames that exist already: read, checked, and written as if they had been sampled."""
