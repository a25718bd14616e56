#!/usr/bin/env bash
# ASVspoof 2019, logical access: trains on train, chooses on dev, reports on eval. CORPUS is the folder LA.
# https://datashare.ed.ac.uk/handle/10283/3336, ODC-By 1.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --systems "aasist_l rawnet2 lfcc_lcnn" --seeds "1 2 3" \
  --train-set train --dev-set dev --eval-sets eval \
  "$@"
