"""Snakemake whose remote executors ask after their jobs every second: for tests only.

The SLURM executor waits 40 s before it asks for the first time, and 10 s longer every time that
nothing has ended: three jobs of one second each take it 37 s.
"""

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(
    lambda executor: 1.0, lambda executor, value: None
)

if __name__ == "__main__":
    main()
