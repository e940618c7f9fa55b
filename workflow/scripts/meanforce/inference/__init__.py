"""Trained networks evaluated with NumPy, one configuration at a time."""
