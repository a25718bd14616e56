#!/usr/bin/env bash
# FoR (Fake or Real), for-norm: judges models of egs/asvspoof2019_la on its test set. CORPUS holds for-norm/;
# another version with --local-options "--version 2seconds". No licence is stated. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack \
  "$@"
