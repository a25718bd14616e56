"""A machine with an apt that is made up, for the tests of tools/debian.sh."""

import os
import subprocess
from pathlib import Path

DEBIAN = Path(__file__).resolve().parents[2] / "tools/debian.sh"
LOG = 'echo "$(basename "$0") $*" >>"$WORLD/calls"\n'
APT_GET = (
    LOG
    + """
case "$*" in
  *update*) cp -n "$WORLD/mirror" "$WORLD/lists" 2>/dev/null; exit ;;
  *" -s "*) for p in "${@}"; do case $p in prog*) echo "Inst $p (2:1.0 Debian [all])" ;; esac; done
            echo "Inst libneeded [0.1] (0.9 Debian [all])" ;;
  *install*)
    for p in "$@"; do case $p in prog*) echo "$p 2:1.0" >>"$WORLD/installed" ;; esac; done ;;
  *download*)
    if [ -s "$WORLD/stumbles" ]; then
      sed -i 1d "$WORLD/stumbles"
      echo "E: Failed to fetch" >&2
      exit 100
    fi
    [ ! -e "$WORLD/slow" ] || sleep 3
    for p in "$@"; do
      case $p in *=*) echo "${p%=*}" >"${p%=*}_x.deb" ;; esac
    done ;;
esac
"""
)
APT_CACHE = (
    LOG
    + """
for p in "$@"; do
  if grep -qx "$p" "$WORLD/lists" 2>/dev/null; then
    printf '%s:\\n  Installed: (none)\\n  Candidate: 2:1.0\\n' "$p"
  fi
done
"""
)
DPKG_QUERY = """grep -q "^${@: -1} " "$WORLD/installed" 2>/dev/null && echo "installed 2:1.0" """
DPKG_DEB = """mkdir -p "$3/usr/share/festival" && cp "$2" "$3/usr/share/$(cat "$2")"
echo '(load "/usr/share/festival/x.scm")' >"$3/usr/share/festival/y.scm" """


class World:
    """A machine with its own apt, which knows progA, progB and dataA."""

    def __init__(self, folder):
        self.folder, self.cache = folder, folder / "cache é &"
        (folder / "bin").mkdir()
        scripts = {"apt-get": APT_GET, "apt-cache": APT_CACHE, "dpkg-query": DPKG_QUERY}
        for name, script in (
            scripts | {"dpkg-deb": DPKG_DEB, "sleep": ":", "sudo": "exit 1"}
        ).items():
            self.program(name, script)
        (folder / "mirror").write_text("progA\nprogB\ndataA\n")
        (folder / "lists").write_text("progA\nprogB\ndataA\n")

    def program(self, name, script):
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def start(self, *arguments):
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "WORLD": str(self.folder)}
        command = ["bash", str(DEBIAN), "--cache", str(self.cache), *arguments]
        return subprocess.Popen(command, env=env, stdout=-1, stderr=-1, text=True)

    def run(self, *arguments):
        process = self.start(*arguments)
        out, words = process.communicate(timeout=60)
        return process.returncode, out, words

    def calls(self):
        path = self.folder / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return found
