#!/usr/bin/env bash
# ASVspoof 2021, logical access: judges models of egs/asvspoof2019_la. CORPUS holds ASVspoof2021_LA_eval and keys.
# https://zenodo.org/records/4837263, ODC-By; nothing is trained here. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack,codec,transmission \
  "$@"
