#!/usr/bin/env bash
# Codecfake (Xie et al.): judges models of egs/asvspoof2019_la on its conditions C1-C7 and A1-A3. CORPUS holds
# them with label/. https://zenodo.org/records/13838106, CC BY-NC-ND 4.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets "eval_c1 eval_c2 eval_c3 eval_c4 eval_c5 eval_c6 eval_c7 eval_a1 eval_a2 eval_a3" --by attack \
  "$@"
