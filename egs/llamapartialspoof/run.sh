#!/usr/bin/env bash
# LlamaPartialSpoof, whole utterances: judges models of egs/asvspoof2019_la. CORPUS holds R01TTS.0.{a,b}/ and
# their lists. https://zenodo.org/records/14214149. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack,extent \
  "$@"
