#!/usr/bin/env bash
# In-the-Wild: judges models of egs/asvspoof2019_la. CORPUS is release_in_the_wild, which holds meta.csv.
# https://huggingface.co/datasets/mueller91/In-The-Wild, CC BY-SA 4.0; nothing is trained or chosen here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
there=$here/../asvspoof2019_la/exp

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$there/aasist_l_seed1 $there/rawnet2_seed1 $there/lfcc_lcnn_seed1" \
  --train-set "" --dev-set dev --eval-sets eval --by spk \
  "$@"
