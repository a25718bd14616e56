#!/usr/bin/env bash
# ASVspoof 2021, deepfake: judges models of egs/asvspoof2019_la. CORPUS holds ASVspoof2021_DF_eval and keys.
# https://zenodo.org/records/4835108, ODbL; nothing is trained here. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack,codec,source,vocoder \
  "$@"
