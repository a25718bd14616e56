#!/usr/bin/env bash
# Set up, check the form of every file, run the tests: tests/run.sh [PYTEST OPTIONS]
# e.g. tests/run.sh tests/data/test_tables.py -k blank
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/tools/setup.sh"
. "$root/path.sh"
cd "$root"

shell_files() { # as git sees the tree: committed, or new and not ignored
  git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run
}

status=0
check() { # check COMMAND...: go on where it finds something, and end with status 1
  echo "== $1 ${2-}"
  "$@" || status=1
}

check ruff check .
check ruff format --check .
mapfile -t shell < <(shell_files)
check shellcheck "${shell[@]}"
check shfmt -d -i 2 -ci "${shell[@]}"
echo "== pytest"
python -m pytest "$@" || status=1
exit "$status"
