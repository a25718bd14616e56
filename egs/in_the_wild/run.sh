#!/usr/bin/env bash
# In-the-Wild: judges models of egs/asvspoof2019_la. CORPUS is release_in_the_wild, which holds meta.csv.
# https://huggingface.co/datasets/mueller91/In-The-Wild, CC BY-SA 4.0; nothing is trained or chosen here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by spk \
  "$@"
