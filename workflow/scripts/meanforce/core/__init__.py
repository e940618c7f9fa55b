"""What all rooms share: configurations, cells, neighbours, and the topology of beads."""
