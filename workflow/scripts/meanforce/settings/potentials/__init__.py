"""Section `potentials`: one module for each kind, and what networks or linear potentials share."""
