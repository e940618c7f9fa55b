#!/usr/bin/env bash
# The smallest scheduler: starts a job script on this machine and prints the job's number.
#
#   submit_here.sh FOLDER JOBSCRIPT
folder=$1 script=$2
number=$(date +%s%N)
setsid bash -c 'echo $$ > "$0.pid"; bash "$1"; echo $? > "$0.status"' "$folder/$number" "$script" \
    > "$folder/$number.log" 2>&1 < /dev/null &
until [ -s "$folder/$number.pid" ]; do sleep 0.05; done
echo "$number"
