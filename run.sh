#!/usr/bin/env bash
# From a corpus on disk to a table of error rates. From the root: ./run.sh [RECIPE] [OPTIONS], where
# RECIPE is a folder of egs/ (default: mini); or, from anywhere, egs/RECIPE/run.sh [OPTIONS].
# shellcheck disable=SC2046,SC2209 # names hold no blanks and are to be split; a set is called eval
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case ${1:-} in
  --recipe-dir) recipe_dir=$2 && shift 2 ;; # called by a recipe
  -* | "") exec "$root/egs/mini/run.sh" "$@" ;;
  *)
    [ -f "$root/egs/$1/run.sh" ] || { echo "$0: no recipe '$1' in $root/egs" >&2 && exit 2; }
    exec "$root/egs/$1/run.sh" "${@:2}"
    ;;
esac

# options
stage=1             # first stage: 1 data, 2 features, 3 train, 4 score, 5 calibrate and fuse, 6 evaluate and report
stop_stage=6        # last stage
nj=2                # jobs at a time on the CPU; of those that use a GPU, one on each
seeds=1             # one experiment for each, e.g. "1 2 3"
systems=            # configs conf/train_<system>.yaml, e.g. "mel_cnn fbank_mhfa"
train_set=train     # data/<set> to learn on
dev_set=dev         # data/<set> that picks checkpoints and teaches calibration and fusion
eval_sets=eval      # data/<set> to report on; none of them chooses anything
watch_sets=         # data/<set> scored after each epoch, which choose nothing
train_options=      # of steps/train.py, e.g. "--workers 2 --keep-epochs"
processes=1         # that learn one experiment together, each on a GPU of its own where there are
by=attack           # break results down by these factors, e.g. attack,codec
size=               # how much of the corpus, where its recipe offers a choice: full or small
corpus=             # where the corpus is on disk, where its recipe asks for it
allow=              # what configs allow to be done to sounds: resample, mixdown
cache=              # downloads and built corpora; empty: $XDG_CACHE_HOME/antispoof
allow_partial=false # true: go on without the attacks that cannot be made here; the table says so
override=           # of configs, e.g. "epochs=3 batch_size=8"; needs a --tag
unseen=false        # true: a fusion is also learnt from models that have not seen an attack
tag=                # goes into the experiments' names
device=auto         # auto, cpu or cuda
. "$root/utils/parse_options.sh"
. "$root/utils/recipe.sh"

if from_to 1 "data"; then
  job --done data/.done data/log/prepare.log \
    local/prepare_data.py --out data --nj "{slots}" "${prepare_options[@]}"
  job --done "data/{set}/.done.validate" \
    --from "data/{set}/wav.scp data/{set}/utt2* data/{set}/spk2utt* data/{set}/trials/*" \
    "SET=$(commas $(sets))" "data/log/validate.{set}.log" \
    utils/validate_data_dir.py "data/{set}" "${allow_options[@]}"
fi

if from_to 2 "features"; then
  for upstream in $(upstreams); do
    for set in $(sets); do
      dump=dump/$upstream/$set
      job "${gpu[@]}" --done "$dump/.done" \
        --from "$(says "upstream/$upstream" files) data/$set/wav.scp data/$set/utt2dur" \
        JOB=1:"$nj" "$dump/log/extract.{job}.log" \
        steps/extract_ssl.py "${device_options[@]}" $(copies_of "$upstream" "$set") --share "{job}/{jobs}" \
        "conf/upstream/$upstream.yaml" "data/$set" "$dump"
    done
  done
fi

if from_to 3 "train"; then
  for system in $systems; do
    exp=exp/$(name "$system" "{seed}")
    job "${gpus[@]}" --done "$exp/.done" --from "$(learning_inputs_of "$system")" \
      "SEED=$(commas "$seeds")" "$exp/log/train.log" \
      "${train[@]}" --config "conf/train_$system.yaml" "${overrides[@]}" --seed "{seed}" --device "$device" \
      --train "data/$train_set" --dev "data/$dev_set" "${learning_options[@]}" "$exp"
    train_unseen "$system"
  done
fi

if from_to 4 "score"; then
  for system in $systems; do
    exp=exp/$(name "$system" "{seed}")
    for set in $dev_set $eval_sets; do
      job "${gpu[@]}" --done "$exp/$set/.done.score" --from "$exp/best.pt $(inputs_of "$system" "$set")" \
        "SEED=$(commas "$seeds")" "$exp/log/score_$set.log" \
        steps/score.py --device "$device" "$exp" "data/$set" "$exp/$set/scores"
    done
    score_unseen "$system"
  done
fi

if from_to 5 "calibrate and fuse"; then
  job --done "exp/{exp}/.done.calibrate" --from "data/$dev_set/utt2label $(scores_of "{exp}")" \
    "EXP=$(experiments "$systems")" "exp/{exp}/log/calibrate.log" \
    steps/calibrate.py --data "data/$dev_set" --apply "$dev_set $eval_sets" "exp/{exp}"
  for seed in $seeds; do
    job --done "exp/$(name fusion "$seed")/.done" \
      --from "data/$dev_set/utt2label $(scores_of $(names "$systems" "$seed"))" \
      "exp/$(name fusion "$seed")/log/fuse.log" \
      steps/fuse.py $(leave_one_out) --data "data/$dev_set" --apply "$dev_set $eval_sets" \
      --out "exp/$(name fusion "$seed")" $(names "$systems" "$seed" exp/)
    fuse_unseen "$seed"
  done
fi

if from_to 6 "evaluate and report"; then
  for set in $eval_sets; do
    for trials in $(trial_lists "$set"); do
      out="exp/{exp}/$(result_name "$set" "$trials")"
      job --done "$out/.done.evaluate" \
        --from "$(trials_of "$set") exp/{exp}/$set/scores exp/{exp}/$set/llr/scores exp/{exp}/selection*.json" \
        "EXP=$(experiments "$systems $fusions")" "exp/{exp}/log/evaluate_${out##*/}.log" \
        steps/evaluate.py --trials "$trials" --by "$by" --llr "exp/{exp}/$set/llr/scores" \
        --exp "exp/{exp}" "data/$set" "exp/{exp}/$set/scores" "$out/result.json"
      for rival in $(rivals); do
        pair=$(comparison "$set" "$trials" "$rival")
        job --renew --done "$(dirname "$pair")/.done.$(basename "$pair")" \
          --from "$(trials_of "$set") $(scores_of_all "$set" "exp/$(name fusion "{{seed}}")" "$rival")" \
          "SYSTEM=$(commas "$systems")" "$pair.log" \
          steps/compare.py --seeds "$seeds" --trials "$trials" --out "$pair.json" \
          "exp/$(name fusion "{{seed}}")" "$rival" "$set"
      done
      compare_unseen "$set" "$trials"
    done
  done
  for system in $systems; do                      # one at a time: its speed is measured
    measured=exp/$(name "$system" "${seeds%% *}") # what one seed costs, all do
    job --done "$measured/.done.cost" --from "$measured/config.yaml $(checkpoint_of "$system")" \
      "$measured/log/cost.log" steps/describe_model.py --exp "$measured"
  done
  ranking=
  if [ -f conf/rank.yaml ]; then # the recipe says which of its results are in domain
    ranking=exp/rank.json
    job --renew --done exp/.done.rank \
      --from "conf/rank.yaml $(literal "${root@Q}")/conf/rank.yaml $(records) $(results)" \
      exp/log/rank.log steps/rank.py --out "$ranking" $(names "$systems $fusions" "$seeds" exp/)
  fi
  for set in $eval_sets; do
    page=$(report_of "$set")
    job --renew --done "exp/.done.$page" \
      --from "$ranking $(results) $(comparisons) $(records) $(shown_of "$set")" \
      "exp/log/$page.log" steps/report.py --out "exp/$page.html" --set "$set" --compare "$(comparisons)" \
      ${ranking:+--rank "$ranking"} $(names "$systems $fusions" "$seeds" exp/)
    python "$root/utils/show_results.py" --set "$set" $(names "$systems $fusions" "$seeds" exp/)
    echo "report: $PWD/exp/$page.html"
  done
fi
