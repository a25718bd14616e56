#!/usr/bin/env bash
# ADD 2022, track 1, Mandarin: judges models of egs/asvspoof2019_la. CORPUS holds eval_track1/, with
# label.txt. https://zenodo.org/records/10843991. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval_track1 --by attack \
  "$@"
