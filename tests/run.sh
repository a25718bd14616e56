#!/usr/bin/env bash
# Set up, check the form of every file, run the tests: tests/run.sh [PYTEST OPTIONS]
# e.g. tests/run.sh tests/data/test_tables.py -k blank
# Without options all tests run, on up to five processes; those that measure the clock come last, alone.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/tools/setup.sh"
. "$root/path.sh"
cd "$root"

status=0
tests/lint.sh || status=1
echo "== pytest"
if (($#)); then
  python -m pytest "$@" || status=1
else
  cores=$(python -c 'import os; print(len(os.sched_getaffinity(0)))')
  # one more than cores: tests on schedulers mostly wait
  python -m pytest -m "not alone" -n $((cores < 4 ? cores + 1 : 5)) || status=1
  echo "== pytest: tests that run alone"
  python -m pytest -m alone || status=1
fi
exit "$status"
