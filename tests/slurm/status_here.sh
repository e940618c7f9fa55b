#!/usr/bin/env bash
# What became of a job of submit_here.sh: running, success or failed.
#
#   status_here.sh FOLDER NUMBER
job=$1/$2
if [ ! -s "$job.status" ] && kill -0 "$(cat "$job.pid")" 2> /dev/null; then
    echo running
elif [ "$(cat "$job.status" 2> /dev/null)" = 0 ]; then
    echo success
else
    echo failed
fi
