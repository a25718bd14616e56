#!/usr/bin/env bash
# Where a phrase of a spoof stands in a recording, on the embedded corpus: builds the partial sets, trains a
# model of frames, scores, judges segments and seconds, and draws exp/report_partial.html. After ./run.sh's stage 1.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# options
systems=mel_frames_mini # configs conf/train_<system>.yaml of models of frames
seeds=1                 # one experiment for each, e.g. "1 2 3"
device=auto             # auto, cpu or cuda
nj=2                    # jobs at a time
. "$root/utils/parse_options.sh"
. "$root/path.sh"
cd "$root/egs/mini"

sets=(train_partial dev_partial eval_partial)
[ -f data/eval/wav.scp ] || ./run.sh --stop-stage 1 --nj "$nj"
made_of=$(cat data/{train,dev,eval}/{wav.scp,utt2dur,utt2label} | sha256sum)
if [ ! -f data/eval_partial/valid ] || [ "$(cat data/partial_sounds/made_of 2>/dev/null)" != "$made_of" ]; then
  local/prepare_partial.py --out data
  for set in "${sets[@]}"; do "$root/utils/validate_data_dir.py" --nj "$nj" "data/$set" --out "data/$set/valid"; done
  echo "$made_of" >data/partial_sounds/made_of # another corpus makes other sets
fi
./run.sh --stage 3 --stop-stage 4 --systems "$systems" --seeds "$seeds" --device "$device" --nj "$nj" \
  --train-set train_partial --dev-set dev_partial --eval-sets eval_partial
exps=()
for system in $systems; do
  for seed in $seeds; do
    exp=exp/${system}_seed$seed
    "$root/steps/evaluate.py" --by attack data/eval_partial "$exp/eval_partial/scores" "$exp/eval_partial/result.json"
    for set in dev_partial eval_partial; do # dev is there to pick a resolution by
      "$root/steps/localise.py" "data/$set" "$exp/$set/scores.frames" "$exp/localisation_$set.json"
    done
    exps+=("$exp")
  done
done
"$root/steps/report.py" --set data/eval_partial --out exp/report_partial.html "${exps[@]}"
echo "report: $PWD/exp/report_partial.html"
