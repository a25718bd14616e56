#!/usr/bin/env bash
# Set up what every recipe needs in tools/venv: Python packages, pinned. Does nothing where that is done.
# From the root: tools/setup.sh [OPTIONS]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# options
cache=  # folder of downloads; default $XDG_CACHE_HOME/antispoof
python= # interpreter to build on, 3.10 to 3.13; default: the first of python3, python3.13 ...
. "$root/utils/parse_options.sh"

torch=torch==2.13.0                                                 # by exact version: a CPU build where pip finds one
without_dependencies=(torchaudio==2.11.0 s3prl==0.4.18 timm==0.4.5) # their own pins would pull other versions in

cache=${cache:-${XDG_CACHE_HOME:-~/.cache}/antispoof} # ~ is known where HOME is not set
venv=$root/tools/venv
done_file=$root/tools/.done

fingerprint() {
  cat "$root/tools/setup.sh" "$root/tools/requirements.txt" | sha256sum | cut -d' ' -f1
}

is_done() {
  [ -f "$done_file" ] && [ "$(<"$done_file")" = "$(fingerprint)" ] && [ -x "$venv/bin/python" ]
}

fail() {
  echo "tools/setup.sh: $*" >&2
  exit 1
}

choose_python() {
  local candidate
  for candidate in ${python:-python3 python3.13 python3.12 python3.11 python3.10}; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "no Python 3.10 to 3.13 found; install one (Debian: apt-get install python3 python3-venv)"
}

make_venv() { # a venv with pip; Debian keeps the module that makes one in a package of its own
  rm -rf "$venv"
  "$1" -m venv "$venv" >/dev/null 2>&1 && return
  rm -rf "$venv"
  echo "tools/setup.sh: this Python cannot make environments yet; installing python3-venv"
  "$root/tools/debian.sh" --cache "$cache" python3-venv || true
  "$1" -m venv "$venv" >/dev/null || fail "cannot make tools/venv; install the package python3-venv"
}

pip_install() {
  "$venv/bin/python" -m pip install --disable-pip-version-check --cache-dir "$cache/pip" \
    --quiet --retries 5 "$@" 2> >(grep -v '^WARNING: Location' >&2)
}

add_library() { # the root, as the way to it from the environment's packages: right in each clone that links here
  "$venv/bin/python" -c 'import pathlib, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "antispoof.pth").write_text("../../../../..\n")'
}

drop_cuda_library() { # torchaudio's native library links CUDA; its Python part runs without
  local folder
  "$venv/bin/python" -c 'import torchaudio' 2>/dev/null && return
  folder=$("$venv/bin/python" -c \
    'import importlib.util as u; print(u.find_spec("torchaudio").submodule_search_locations[0])')
  rm -f "$folder"/lib/*.so
  "$venv/bin/python" -c 'import torchaudio' || fail "torchaudio cannot be imported, even without its library"
  echo "tools/setup.sh: torchaudio's native library needs CUDA, which this torch has not; removed it" \
    "(features are computed by its Python part)"
}

is_done && exit 0
mkdir -p "$cache" || fail "$cache: cannot be made; name a folder with --cache"
exec 9>"$root/tools/.lock"
flock 9 # several set-ups of one clone: the first works, the others wait
is_done && exit 0

interpreter=$(choose_python)
echo "tools/setup.sh: installing into tools/venv with $("$interpreter" --version) (once; minutes)"
rm -f "$done_file"
make_venv "$interpreter"
echo "  $torch"
pip_install "$torch"
echo "  tools/requirements.txt"
pip_install -r "$root/tools/requirements.txt"
echo "  ${without_dependencies[*]}"
pip_install --no-deps "${without_dependencies[@]}"
drop_cuda_library
add_library
fingerprint >"$done_file.tmp"
mv "$done_file.tmp" "$done_file"
echo "tools/setup.sh: done in $SECONDS s"
