"""Section `campaigns`: one kind a module, and what a kind needs as attributes of its class."""
