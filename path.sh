# Workers by hand: source path.sh. Programs of tools/venv come first; nothing else changes.
ANTISPOOF_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export ANTISPOOF_ROOT
export PATH="$ANTISPOOF_ROOT/tools/venv/bin:$PATH" # its Python finds the library: see tools/setup.sh
