#!/usr/bin/env bash
# ASVspoof 2021, deepfake: judges models of egs/asvspoof2019_la. CORPUS holds ASVspoof2021_DF_eval and keys.
# https://zenodo.org/records/4835108, ODbL; nothing is trained here. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
there=$here/../asvspoof2019_la/exp

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$there/aasist_l_seed1 $there/rawnet2_seed1 $there/lfcc_lcnn_seed1" \
  --train-set "" --dev-set dev --eval-sets eval --by attack,codec,source,vocoder \
  "$@"
