#!/usr/bin/env bash
# Set up, check the form of every file, run the tests: tests/run.sh [PYTEST OPTIONS]
# e.g. tests/run.sh tests/data/test_tables.py -k blank
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/tools/setup.sh"
. "$root/path.sh"
cd "$root"

status=0
tests/lint.sh || status=1
echo "== pytest"
python -m pytest "$@" || status=1
exit "$status"
