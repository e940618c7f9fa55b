#!/usr/bin/env bash
# Make slurmctld, slurmd and munged available, from Debian's or Ubuntu's packages where they are
# missing. Ends with an error and one line that says why where that is not possible.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

missing() {
    for program in munged slurmctld slurmd sbatch srun squeue scancel scontrol; do
        command -v "$program" > /dev/null || return 0
    done
    return 1
}

missing || exit 0
if ! command -v apt-get > /dev/null; then
    echo "SLURM is not installed, and there is no apt-get to install it with" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2> /dev/null; then
        echo "SLURM is not installed, and only root may install slurm-wlm and munge" >&2
        exit 1
    fi
    as_root=(sudo -n)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! {
    "${as_root[@]}" apt-get update \
        && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends slurm-wlm munge
} > "$log" 2>&1 || missing; then
    tail -5 "$log" >&2
    echo "the packages slurm-wlm and munge cannot be installed here" >&2
    exit 1
fi
