"""The config: its sections, their checks, and what each stage's job receives."""
