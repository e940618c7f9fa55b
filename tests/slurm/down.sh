#!/usr/bin/env bash
# Stop what up.sh started, by the process ids in FOLDER/run, its jobs first.
#
#   down.sh FOLDER
folder=$1
PATH=$folder/bin:$PATH

# A daemon that nobody has waited for yet keeps its number, as a zombie: it is gone all the same.
alive() {
    local state
    state=$(sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | cut -c1)
    [ -n "$state" ] && [ "$state" != Z ]
}

stop() {
    local file pid up
    local -a pids=()
    for file in "$@"; do
        [ -s "$file" ] || continue
        pid=$(cat "$file")
        alive "$pid" && kill "$pid" && pids+=("$pid")
    done
    for _ in $(seq 200); do
        up=0
        for pid in "${pids[@]}"; do alive "$pid" && up=1; done
        [ $up = 0 ] && break
        sleep 0.05
    done
    for pid in "${pids[@]}"; do alive "$pid" && kill -9 "$pid"; done
    rm -f "$@"
}

if [ -s "$folder/run/slurmctld.pid" ] && alive "$(cat "$folder/run/slurmctld.pid")"; then
    timeout 10 scancel --user "$(id -un)"
    for _ in $(seq 100); do
        [ -z "$(timeout 5 squeue --noheader --user "$(id -un)" 2> /dev/null)" ] && break
        sleep 0.2
    done
fi
stop "$folder"/run/slurmctld.pid "$folder"/run/slurmd.*.pid
stop "$folder"/run/munged.pid
