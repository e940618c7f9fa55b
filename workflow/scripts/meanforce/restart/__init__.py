"""Long jobs: restart bundles, locks, and how a job stops in time."""
