"""Before a run: a first config for a molecule, and what a config's run takes."""
