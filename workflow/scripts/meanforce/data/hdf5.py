"""What all HDF5 files of ours have in common."""

VERSION = ("v110", "v110")
"""`libver` of files: the oldest format in which HDF5's own tables have checksums, so that other
programs can read it."""
