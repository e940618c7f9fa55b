"""Forms of the CG potential and their files, one kind per module."""
