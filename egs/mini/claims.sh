#!/usr/bin/env bash
# The claims of conf/claims.yaml, judged on the embedded corpus: trains what they need, with five seeds, and
# writes CLAIMS.md, a row for each. What is trained already is not trained again. --dry-run lists the trainings.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

# options
recipe=            # the folder of another recipe, whose sets and systems the list names; empty: this one
claims=            # some of them, with commas between; empty: all
config=            # list of claims; empty: conf/claims.yaml
seeds="6 7 8 9 10" # one experiment for each; most systems have the first three alone
stage=1            # first stage: 1 data, 2 train and score, 3 what else is measured, 4 the page
stop_stage=4       # last stage
nj=2               # jobs at a time
device=auto        # auto, cpu or cuda
local_options=     # of local/prepare_data.py, e.g. "--size small"
clips=50           # of each class, for diagnostics
draws=30           # vectors of signs for each clip, for diagnostics
dry_run=false      # only list what is trained, and whether it is there
out=               # the page; empty: CLAIMS.md
. "$root/utils/parse_options.sh"
given=egs/mini/claims.sh
for word in "${options_given[@]}"; do # as it would be typed
  [[ $word == *" "* ]] && given+=" \"$word\"" || given+=" $word"
done
if ! [[ "$stage $stop_stage" =~ ^[1-4]\ [1-4]$ ]]; then
  echo "egs/mini/claims.sh: --stage '$stage', --stop-stage '$stop_stage': wanted 1 to 4" >&2
  exit 1
fi
"$root/tools/setup.sh" ${ANTISPOOF_CACHE:+--cache "$ANTISPOOF_CACHE"}
. "$root/utils/environment.sh"
[ -z "$recipe" ] || here=$(realpath -m "$recipe")
[ ! -f "$config" ] || config=$(realpath -m "$config") # else it is one of the recipe
[ -z "$out" ] || out=$(realpath -m "$out")
cd "$here"
page=(python "$root/steps/claims.py" --config "${config:-conf/claims.yaml}" --claims "$claims" --seeds "$seeds")

if [ "$dry_run" = true ]; then exec "${page[@]}" --list; fi
. "$root/utils/jobs.sh"
plan=$("${page[@]}" --plan)
each() { awk -F '\t' -v verb="$1" '$1 == verb' <<<"$plan"; } # each VERB: its lines of the plan
at() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ]; }
gpu=()
[ "$device" = cpu ] || gpu=(--gpu 1)

if at 1; then
  ./run.sh --nj "$nj" --local-options "$local_options" --stop-stage 1
  while IFS=$'\t' read -r _ from to option value; do
    job utils/subset_data_dir.py "$option" "$value" "$from" "$to/"
  done < <(each subset)
  run_jobs
fi

if at 2; then
  while IFS=$'\t' read -r _ cells epochs <&3; do
    mkdir -p exp/claims
    tr ';' '\n' <<<"$cells" >"exp/claims/grid_$epochs.txt"
    "$root/egs/ablation/run.sh" --recipe "$here" --grid "exp/claims/grid_$epochs.txt" --epochs "$epochs" --seeds "$seeds" \
      --nj "$nj" --device "$device" --bootstrap 0 --out "exp/claims/grid_$epochs"
  done 3< <(each grid)
  while IFS=$'\t' read -r _ systems tag own train dev override <&3; do
    options=()
    [ "$tag" = - ] || options+=(--tag "$tag")
    [ "$override" = - ] || options+=(--override "$override")
    ./run.sh --systems "$systems" --seeds "$own" "${options[@]}" --train-set "$train" --dev-set "$dev" --eval-sets eval \
      --nj "$nj" --device "$device" --stage 2 --stop-stage 4
  done 3< <(each train)
fi

feats_of() { # feats_of EXP: sets feats, where its features are cached
  feats=()
  if grep -qx "feats: cached" "$1/config.yaml"; then
    feats=(--feats "dump/$(awk '$1 == "upstream:" {print $2}' "$1/config.yaml")")
  fi
}

if at 3; then # calls that run.sh makes too are those of run.sh, so that their stamps agree
  while IFS=$'\t' read -r _ exp switched overrides; do
    feats_of "$exp" && options=()
    for pair in $overrides; do options+=(--override "$pair"); done
    job --renew "${gpu[@]}" steps/score.py --device "$device" "${feats[@]}" "${options[@]}" "$exp/best.pt" data/eval \
      "$switched/eval/scores"
  done < <(each switch)
  while IFS=$'\t' read -r _ exp; do
    job --renew steps/calibrate.py --data data/dev --apply "dev eval" "$exp" --out "$exp/calibration.json"
  done < <(each evaluate)
  run_jobs
  while IFS=$'\t' read -r _ exp; do
    job --renew steps/evaluate.py --every-list --by attack --llr "$exp/eval/llr/scores" --exp "$exp" \
      data/eval "$exp/eval/scores" "$exp/eval/result.json"
  done < <(each evaluate)
  while IFS=$'\t' read -r _ exp; do
    feats_of "$exp"
    job --renew "${gpu[@]}" steps/diagnose.py --device "$device" "${feats[@]}" --clips "$clips" --draws "$draws" \
      --train data/train "$exp" data/dev "$exp/diagnostics.json"
  done < <(each diagnose)
  run_jobs
  while IFS=$'\t' read -r _ exp; do
    job --renew steps/describe_model.py --exp "$exp" --out "$exp/cost.json"
  done < <(each cost)
  run_jobs 1 # whose speed is measured
  while IFS=$'\t' read -r _ set list exps; do
    read -ra related <<<"$exps"
    only=(--trials all)
    [ "$list" = - ] || only=(--trials "$list")
    python "$root/steps/relate_diagnostics.py" --data "data/$set" "${only[@]}" \
      --page "$(dirname "${out:-CLAIMS.md}")/DIAGNOSTICS.md" "${related[@]}" exp/claims/diagnostics_of_all.json
  done < <(each relate)
fi

if at 4; then exec "${page[@]}" --command "$given" --out "${out:-CLAIMS.md}"; fi
