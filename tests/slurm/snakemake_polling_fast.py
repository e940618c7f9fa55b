"""Snakemake whose remote executors check their jobs every second: for tests only.

The SLURM executor waits 40 s before the first check, and 10 s longer each time that no job has
ended: three jobs of one second each take it 37 s.
"""

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(
    lambda executor: 1.0, lambda executor, value: None
)

if __name__ == "__main__":
    main()
