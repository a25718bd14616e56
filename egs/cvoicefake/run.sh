#!/usr/bin/env bash
# CVoiceFake, small: judges models of egs/asvspoof2019_la. CORPUS holds DE/, EN/, FR/, IT/ and CN/.
# https://zenodo.org/records/14062964 (large: --local-options "--release large"), CC BY 4.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack,language \
  "$@"
