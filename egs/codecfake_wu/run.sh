#!/usr/bin/env bash
# CodecFake (Wu et al.) with VCTK: judges models of egs/asvspoof2019_la. CORPUS holds <codec>+pXXX_YYY.wav,
# and VCTK/, or --local-options "--vctk DIR". https://huggingface.co/datasets/rogertseng/CodecFake_wavs, CC BY
# 4.0. Options: --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec "$here/../../run.sh" --recipe-dir "$here" \
  --model-from "$(printf "../asvspoof2019_la/exp/%s_seed1 " aasist_l rawnet2 lfcc_lcnn)" \
  --train-set "" --dev-set dev --eval-sets eval --by attack \
  "$@"
