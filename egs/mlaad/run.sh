#!/usr/bin/env bash
# MLAAD with M-AILABS: judges models of egs/asvspoof2019_la. CORPUS holds fake/, and M-AILABS/, or --local-
# options "--m-ailabs DIR". https://huggingface.co/datasets/mueller91/MLAAD, CC BY-NC 4.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack,language,architecture \
  "$@"
