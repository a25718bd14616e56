#!/usr/bin/env bash
# PartialSpoof, utterances and segments: by default judges models of whole utterances of egs/asvspoof2019_la; README.md
# has the command that trains a model of frames. CORPUS holds database/.
# https://zenodo.org/records/5766198, CC BY 4.0 (not confirmed). Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack \
  "$@"
