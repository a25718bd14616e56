#!/usr/bin/env bash
# The grid of Bigford (2026): architecture by format by clean or corrupted sounds. Each line of grid.txt
# is a system, and the kind of sounds that it learns on; each is judged on every kind. Sets are made of
# those of another recipe, and its run.sh trains and scores; then steps/matrix.py draws the table.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

# options
recipe=mini    # whose train, dev and eval are cut, corrupted and coded: a folder of egs/, or any other
grid=          # list of lines `SYSTEM KIND`; empty: grid.txt
epochs="20 50" # of every system, one row for each
seeds="1 2 3"  # one experiment for each
override=      # of configs, next to epochs
nj=2           # jobs at a time
device=auto    # auto, cpu or cuda
bootstrap=1000 # replicates of intervals
out=           # folder of the table; empty: exp/
. "$root/utils/parse_options.sh"
"$root/tools/setup.sh" ${ANTISPOOF_CACHE:+--cache "$ANTISPOOF_CACHE"}
. "$root/utils/environment.sh"
grid=$(realpath -ms "${grid:-$here/grid.txt}") out=$(realpath -ms "${out:-$here/exp}")
[ -d "$recipe" ] || recipe=$root/egs/$recipe
cd "$recipe"
[ -f data/eval/utt2label ] || ./run.sh --stop-stage 1
mapfile -t kinds < <(awk '!/^#/ && NF == 2 && !seen[$2]++ {print $2}' "$grid")

make_set() { # make_set SET KIND: data/SET_KIND by the steps in KIND; what is there stays
  local from=data/$1 name=$1 step
  for step in ${2//_/ }; do
    name+=_$step
    if [ ! -f "data/$name/utt2label" ] && [[ $step =~ ^[0-9]+s$ ]]; then
      python "$root/utils/subset_data_dir.py" --seconds "${step%s}" "$from" "data/$name"
    elif [ ! -f "data/$name/utt2label" ]; then
      python "$root/utils/run.py" --slots "$nj" "JOB=1:$nj" "data/$name/log/augment.{job}.log" \
        steps/augment_data_dir.py --config "conf/augment_$step.yaml" --seed 1 --share "{job}/{jobs}" "$from" "data/$name"
    fi
    from=data/$name
  done
}

models=() sets=() judged=()
for kind in "${kinds[@]}"; do
  for set in train dev eval; do make_set "$set" "$kind"; done
  sets+=("eval_$kind") judged+=("data/eval_$kind")
done
for count in $epochs; do
  for kind in "${kinds[@]}"; do
    systems=$(awk -v kind="$kind" '!/^#/ && $2 == kind {print $1}' "$grid" | paste -sd ' ')
    ./run.sh --systems "$systems" --seeds "$seeds" --tag "${kind}_$count" --override "epochs=$count $override" --nj "$nj" \
      --device "$device" --train-set "train_$kind" --dev-set "dev_$kind" --eval-sets "${sets[*]}" --stage 2 --stop-stage 4
    for system in $systems; do
      for seed in $seeds; do models+=("exp/${system}_${kind}_${count}_seed$seed"); done
    done
  done
done

exec python "$root/steps/matrix.py" --models "${models[*]}" --sets "${judged[*]}" --bootstrap "$bootstrap" "$out" \
  "$@"
