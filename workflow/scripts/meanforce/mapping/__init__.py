"""From atoms to beads: configuration maps, force maps, and checks of the datasets."""
