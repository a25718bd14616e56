#!/usr/bin/env bash
# SONAR: judges models of egs/asvspoof2019_la. CORPUS holds real_samples/ and eight folders of systems. CC BY-
# NC 4.0 by a survey, none stated. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack \
  "$@"
