#!/usr/bin/env bash
# ASVspoofLD, the laundered database: judges models of egs/asvspoof2019_la on five conditions. CORPUS holds
# ASVspoofLD/ and protocols/. The licence is not known. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack,condition \
  "$@"
