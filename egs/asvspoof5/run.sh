#!/usr/bin/env bash
# ASVspoof 5, track 1: trains on train, chooses on dev, reports on eval. CORPUS holds flac_T, flac_D,
# flac_E_eval and the lists. https://zenodo.org/records/14498691, ODC-By 1.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --systems "aasist_l rawnet2 lfcc_lcnn" --seeds "1 2 3" \
  --train-set train --dev-set dev --eval-sets eval --by "attack,codec,attack*codec" \
  "$@"
