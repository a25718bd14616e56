#!/usr/bin/env bash
# ASVspoof 2015: judges models of egs/asvspoof2019_la on its eval. CORPUS holds wav/ and CM_protocol/.
# https://datashare.ed.ac.uk/handle/10283/853. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack \
  "$@"
