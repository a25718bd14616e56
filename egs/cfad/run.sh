#!/usr/bin/env bash
# CFAD, Chinese: judges models of egs/asvspoof2019_la on the tests of its three versions. CORPUS holds CFAD/.
# CC BY 4.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets "eval_clean eval_noisy eval_codec" --by attack,snr,codec \
  "$@"
