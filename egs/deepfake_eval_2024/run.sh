#!/usr/bin/env bash
# Deepfake-Eval-2024, audio: judges models of egs/asvspoof2019_la. CORPUS holds audio-data and its CSV.
# https://huggingface.co/datasets/nuriachandra/Deepfake-Eval-2024, CC BY-SA 4.0; see README.md for segments.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by finetuning \
  "$@"
