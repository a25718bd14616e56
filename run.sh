#!/usr/bin/env bash
# From a corpus on disk to a table of error rates. From the root: ./run.sh [RECIPE] [OPTIONS], where
# RECIPE is a folder of egs/ (default: mini); or, from anywhere, egs/RECIPE/run.sh [OPTIONS].
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$root/utils/which_recipe.sh"

# options
stage=1          # first stage: 1 data, 2 features, 3 train, 4 score, 5 calibrate and fuse, 6 evaluate and report
stop_stage=6     # last stage
nj=2             # jobs at a time on the CPU; of those that use a GPU, one on each
seeds=1          # one experiment for each, e.g. "1 2 3"
systems=         # configs conf/train_<system>.yaml, e.g. "mel_cnn fbank_mhfa"
train_set=train  # data/<set> to learn on
dev_set=dev      # data/<set> that picks checkpoints and teaches calibration and fusion
eval_sets="eval" # data/<set> to report on; none of them chooses anything
watch_sets=      # data/<set> scored after each epoch, which choose nothing
train_options=   # of steps/train.py, e.g. "--workers 2 --keep-epochs"
processes=1      # that learn one experiment together, each on a GPU of its own where there are
by=attack        # break results down by these factors, e.g. attack,codec
corpus=          # where the corpus is on disk, where its recipe asks for it
allow=           # what configs allow to be done to sounds: resample, mixdown
cache=           # downloads and built corpora; empty: $XDG_CACHE_HOME/antispoof
local_options=   # of local/prepare_data.py, what this corpus alone understands, e.g. "--size small"
override=        # of configs, e.g. "epochs=3 batch_size=8"; needs a --tag
unseen=false     # true: a fusion is also learnt from models that have not seen an attack
tag=             # goes into the experiments' names
device=auto      # auto, cpu or cuda
. "$root/utils/parse_options.sh"
. "$root/utils/recipe.sh"

if from_to 1 "data"; then
  job local/prepare_data.py --nj "$nj" "${preparation[@]}" --out data/
  run_jobs
  for set in $(sets); do job utils/validate_data_dir.py "data/$set" "${allowed[@]}" --out "data/$set/valid"; done
  run_jobs
fi

if from_to 2 "features"; then
  while read -r upstream set copies; do
    array_job "$nj" "${gpu[@]}" steps/extract_ssl.py --device "$device" ${copies:+"$copies"} --share "{job}/{jobs}" \
      "conf/upstream/$upstream.yaml" "data/$set" "dump/$upstream/$set/"
  done < <(dumps)
  run_jobs
fi

if from_to 3 "train"; then
  trainings=$(trainings)
  while read -r system seed exp attack; do
    reads_of "$system" "$seed" "$attack" # feats, learnt
    job "${gpus[@]}" "${train[@]}" --config "conf/train_$system.yaml" "${overrides[@]}" "${feats[@]}" "${learnt[@]}" \
      --seed "$seed" --device "$device" --train "data/$train_set" --dev "data/$dev_set" "${learning[@]}" "$exp/"
  done <<<"$trainings"
  run_jobs
fi

if from_to 4 "score"; then
  trainings=$(trainings)
  while read -r system seed exp attack; do
    reads_of "$system" "$seed" "$attack" # feats, scored
    for set in "${scored[@]}"; do
      job "${gpu[@]}" steps/score.py --device "$device" "${feats[@]}" "$exp/best.pt" "data/$set" "$exp/$set/scores"
    done
  done <<<"$trainings"
  run_jobs
fi

if from_to 5 "calibrate and fuse"; then
  for seed in $seeds; do
    read -ra together <<<"$(experiments "$systems" "$seed")"
    for exp in "${together[@]}"; do job steps/calibrate.py "${learn[@]}" "$exp" --out "$exp/calibration.json"; done
    job steps/fuse.py "${leave_one_out[@]}" "${learn[@]}" "${together[@]}" --out "exp/$(name fusion "$seed")/"
    fuse_unseen "$seed" "${together[@]}"
  done
  run_jobs
fi

if from_to 6 "evaluate and report"; then
  read -ra every <<<"$(experiments "$systems $fusions" "$seeds")"
  for set in $eval_sets; do
    for exp in "${every[@]}"; do
      job steps/evaluate.py --every-list --by "$by" --llr "$exp/$set/llr/scores" --exp "$exp" \
        "data/$set" "$exp/$set/scores" "$exp/$set/result.json"
    done
    for rival in $(rivals); do
      job --renew steps/compare.py --every-list --seeds "$seeds" \
        "exp/$(name fusion "{seed}")" "$rival" "data/$set" --out "$(comparison "$set" "$rival")"
    done
    compare_unseen "$set"
  done
  run_jobs
  read -ra measured <<<"$(experiments "$systems" "${seeds%% *}")" # the cost of one seed stands for all
  for exp in "${measured[@]}"; do job steps/describe_model.py --exp "$exp" --out "$exp/cost.json"; done
  run_jobs 1 # whose speed is measured
  # the recipe says which of its results are in domain
  [ ! -f conf/rank.yaml ] || job --renew steps/rank.py --config conf/rank.yaml "${every[@]}" --out exp/rank.json
  run_jobs
  read -ra shown <<<"$(comparisons) $([ ! -f conf/rank.yaml ] || echo --rank exp/rank.json)"
  for set in $eval_sets; do
    job --renew steps/report.py --set "data/$set" "${shown[@]}" "${every[@]}" --out "$(report_of "$set")"
  done
  run_jobs
  for set in $eval_sets; do
    python "$root/utils/show_results.py" --set "$set" "${every[@]}"
    echo "report: $PWD/$(report_of "$set")"
  done
fi
