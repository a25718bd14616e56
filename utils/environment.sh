# What every command of a run has around it; sourced by a script, never by a shell that goes on.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../path.sh"
export PYTHONPATH="$ANTISPOOF_ROOT" # alone: a PYTHONPATH from outside would mix another environment in
export PYTHONSAFEPATH=1             # a file named like a module in the current folder is not imported
export PYTHONUNBUFFERED=1           # a killed job's log holds everything that it said
export LC_ALL=C.UTF-8 LC_COLLATE=C
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=4000000000 # glibc keeps what was freed: else each
# large array is fetched from the system page by page, again at every step
