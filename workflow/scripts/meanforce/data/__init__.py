"""Files: trajectories, forces, H5MD datasets, and the fingerprint of a stage's code."""
