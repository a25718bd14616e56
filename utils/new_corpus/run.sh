#!/usr/bin/env bash
# NAME: WHAT IT IS, WHERE TO GET IT, ITS LICENCE.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --systems "mel_cnn" --seeds "1 2 3" \
  --train-set train --dev-set dev --eval-sets eval \
  "$@"
