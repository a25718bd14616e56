#!/usr/bin/env bash
# DECRO, English and Chinese: judges models of egs/asvspoof2019_la. CORPUS holds en_eval/, en_eval.txt and the
# like. https://zenodo.org/records/7603208, CC BY 4.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets "eval_en eval_ch" --by attack \
  "$@"
