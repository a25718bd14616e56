#!/usr/bin/env bash
# SpoofCeleb: judges models of egs/asvspoof2019_la on its evaluation set. CORPUS holds flac/ and metadata/.
# https://huggingface.co/datasets/jungjee/spoofceleb, access by a form. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack \
  "$@"
