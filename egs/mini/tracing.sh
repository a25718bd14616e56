#!/usr/bin/env bash
# Source tracing: which generator made a spoof. Trains on the five of training, and judges them and the six
# that are unknown. Data and features are those of run.sh, stages 1 and 2. From anywhere: egs/mini/tracing.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..

# options
seeds="1 2 3"             # one experiment for each
system=distillmos_sources # conf/train_<system>.yaml, with the key `trace`
stage=1                   # first stage: 1 data and features, 2 train, 3 trace and judge
device=auto               # auto, cpu or cuda
. "$root/utils/parse_options.sh"

cd "$here"
[ "$stage" -gt 1 ] || ./run.sh --systems "$system" --stop-stage 2 --device "$device"
. "$root/utils/environment.sh"

exps=()
for seed in $seeds; do exps+=("exp/${system}_seed$seed"); done
if [ "$stage" -le 2 ]; then
  for seed in $seeds; do
    "$root/steps/train.py" --config "conf/train_$system.yaml" --seed "$seed" --device "$device" \
      --train data/train --dev data/dev "exp/${system}_seed$seed"
  done
fi
for exp in "${exps[@]}"; do
  for set in train dev eval; do
    "$root/steps/trace.py" --device "$device" "$exp" "data/$set" "$exp/$set/traced.npz"
  done
done
"$root/steps/evaluate_tracing.py" --train data/train --dev data/dev data/eval "${exps[@]}" --out "exp/${system}_eval"
