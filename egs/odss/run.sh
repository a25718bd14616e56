#!/usr/bin/env bash
# ODSS: judges models of egs/asvspoof2019_la. CORPUS holds odss/. https://zenodo.org/records/8370669, CC BY-SA
# 4.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack,source \
  "$@"
