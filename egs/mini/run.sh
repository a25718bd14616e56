#!/usr/bin/env bash
# The embedded corpus: people's recordings and real synthesisers from Debian's and Python's packages,
# built here. No download of a corpus, no GPU. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --systems "distillmos_mhfa mel_cnn_mini" --seeds "1 2 3" \
  --train-set train --dev-set dev --eval-sets eval \
  "$@"
