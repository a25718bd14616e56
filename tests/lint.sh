#!/usr/bin/env bash
# Check the form and the types of every file; goes on where it finds something, and ends with status 1 then.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/path.sh"
cd "$root"

shell_files() { # as git sees the tree: committed, or new and not ignored
  git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run
}

status=0
check() { # check COMMAND...
  echo "== $1 ${2-}"
  "$@" || status=1
}

check ruff check .
check ruff format --check .
mapfile -t shell < <(shell_files)
check shellcheck "${shell[@]}"
check shfmt -d -i 2 -ci "${shell[@]}"
check mypy
exit "$status"
