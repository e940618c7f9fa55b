"""Forms of the CG potential and their files, one kind a module."""
