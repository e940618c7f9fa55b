"""Section `potentials`: one kind a module, and what networks or linear potentials share."""
