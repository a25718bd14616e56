#!/usr/bin/env bash
# LibriSeVoc: judges models of egs/asvspoof2019_la on its test set. CORPUS holds gt/, six folders of vocoders
# and test.txt. https://zenodo.org/records/15127251, CC BY-SA 4.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack \
  "$@"
