"""Models as folders that OpenMM runs without the workflow."""
