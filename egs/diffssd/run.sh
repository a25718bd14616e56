#!/usr/bin/env bash
# DiffSSD with LibriSpeech and LJSpeech: judges models of egs/asvspoof2019_la. CORPUS holds generated_speech/
# and the list; real speech there, or --local-options "--real DIR".
# https://huggingface.co/datasets/purdueviperlab/diffssd. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack \
  "$@"
