"""What all rooms share: the topology of beads and their internal coordinates."""
