"""The config: its sections, their checks, and the plan of a run."""
