#!/usr/bin/env bash
# Start a private SLURM on loopback: munged, slurmctld and virtual nodes n0, n1, …
#
#   up.sh FOLDER PORT NODES PROCESSORS MEMORY_MB        (processors and memory of each node)
#
# Configuration, key, sockets, logs and process ids lie in FOLDER, nothing outside it. Ports PORT and
# following are used. FOLDER/bin holds the client commands; down.sh stops what was started here.
set -euo pipefail
folder=$1 port=$2 nodes=$3 processors=$4 memory=$5
PATH=$PATH:/usr/sbin:/sbin
last=$((nodes - 1))
mkdir -p "$folder"/{bin,log,munge,run,state}
chmod 755 "$folder" "$folder"/{log,run,state}
chmod 700 "$folder/munge"

(umask 077 && head -c 128 /dev/urandom > "$folder/munge/key")
# --force: a key below a folder that all may write, as /tmp, is only a warning then.
munged --force --key-file="$folder/munge/key" --seed-file="$folder/munge/seed" --num-threads=2 \
    --socket="$folder/run/munge.sock" --pid-file="$folder/run/munged.pid" \
    --log-file="$folder/log/munged.log" 2> "$folder/log/munged.err"

cat > "$folder/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/run/munge.sock
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool.%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
# No control groups, no systemd.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
# Processors and memory are shared out; a job that takes more memory than it asked for is killed.
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
# The nodes may claim other memory than the machine has.
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=200000,batch_sched_delay=0
# A node that comes back is used again; jobs that ended stay known for an hour, for squeue.
ReturnToService=2
MinJobAge=3600
KillWait=5
CompleteWait=0
InactiveLimit=0
SlurmdTimeout=30
MailProg=/bin/true
# A text file with one line a job that ended; there is no accounting.
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/jobs.txt
AccountingStorageType=accounting_storage/none
GresTypes=gpu
NodeName=n[0-$last] NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=$processors RealMemory=$memory Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP
CONF
# A GPU that is none: any character device will do where control groups guard nothing.
echo "Name=gpu File=/dev/zero" > "$folder/gres.conf"
touch "$folder/log/jobs.txt"

# Snakemake's jobs drop every variable SLURM_*, SLURM_CONF among them, before they call srun. So the
# commands set it themselves.
for command in sbatch srun squeue scancel sinfo scontrol sacct sacctmgr; do
    program=$(command -v "$command") || continue
    printf '#!/bin/sh\nexport SLURM_CONF=%q\nexec %q "$@"\n' "$folder/slurm.conf" "$program" \
        > "$folder/bin/$command"
    chmod 755 "$folder/bin/$command"
done

export SLURM_CONF=$folder/slurm.conf
slurmctld
for number in $(seq 0 "$last"); do
    mkdir -p "$folder/spool.n$number"
    slurmd -N "n$number"
done
for _ in $(seq 150); do
    idle=$(sinfo -h -N -o '%T' 2> /dev/null | grep -c '^idle$' || true)
    [ "$idle" = "$nodes" ] && exit 0
    sleep 0.2
done
sinfo -N -l >&2 || true
tail -n 20 "$folder"/log/*.log >&2
echo "only $idle of $nodes nodes became idle" >&2
exit 1
