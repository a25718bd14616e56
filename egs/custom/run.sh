#!/usr/bin/env bash
# A folder of your own: --corpus DIR, with DIR/metadata.csv or DIR/{bonafide,spoof}/. See README.md for
# sets, holdouts and conversions.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --systems "mel_cnn" --seeds "1 2 3" \
  --train-set train --dev-set dev --eval-sets eval \
  "$@"
