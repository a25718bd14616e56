#!/usr/bin/env bash
# WaveFake with LJSpeech: judges models of egs/asvspoof2019_la. CORPUS holds generated_audio/; LJSpeech is in
# it as LJSpeech-1.1/wavs, or elsewhere: --local-options "--ljspeech DIR". https://zenodo.org/records/5642694,
# CC BY-SA 4.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack \
  "$@"
