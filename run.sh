#!/usr/bin/env bash
# From a corpus on disk to a table of error rates. From the root: ./run.sh [RECIPE] [OPTIONS], where
# RECIPE is a folder of egs/ (default: mini; ./run.sh --list names all); or, from anywhere, egs/RECIPE/run.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# options
stage=1          # first stage: 1 data, 2 features, 3 train, 4 score, 5 calibrate and fuse, 6 evaluate and report
stop_stage=6     # last stage
nj=2             # jobs at a time on the CPU; of those that use a GPU, one on each
cluster=         # who runs the jobs: local, or a file of conf/cluster/; empty: $ANTISPOOF_CLUSTER, or else local
dry_run=false    # only say what would run, and why
submit_all=false # hand every stage to the cluster at once, each to begin after the one before it
seeds=1          # one experiment for each, e.g. "1 2 3"
systems=         # configs conf/train_<system>.yaml, e.g. "mel_cnn fbank_mhfa"
train_set=train  # data/<set> to learn on
dev_set=dev      # data/<set> that picks checkpoints and teaches calibration and fusion
model_from=      # experiments of other recipes, to be judged on this corpus: none is trained here
eval_sets="eval" # data/<set> to report on; none of them chooses anything
train_options=   # of steps/train.py, e.g. "--processes 2 --watch data/eval --keep-epochs"
by=attack        # break results down by these factors, e.g. attack,codec
corpus=          # where the corpus is on disk, where its recipe asks for it
local_options=   # of local/prepare_data.py, what this corpus alone understands, e.g. "--size small"
override=        # of configs, e.g. "epochs=3 batch_size=8"; needs a --tag
unseen=false     # also learn a fusion from models that have not seen an attack
tag=             # goes into the experiments' names
device=auto      # auto, cpu or cuda
. "$root/utils/recipe.sh"

if from_to 1 "data"; then
  job local/prepare_data.py --nj "$nj" "${preparation[@]}" --out data/
  run_jobs
  for set in "${sets[@]}"; do job utils/validate_data_dir.py "data/$set" "${allowed[@]}" --out "data/$set/valid"; done
  run_jobs
fi

if from_to 2 "features"; then
  for dump in "${dumps[@]}"; do
    describe_dump "$dump" # config, copies, set
    array_job "$nj" "${gpu[@]}" steps/extract_ssl.py --device "$device" "${copies[@]}" "$config" "data/$set" "$dump/"
  done
  run_jobs
fi

if from_to 3 "train"; then
  take_models # with --model-from
  for exp in "${trainings[@]}"; do
    describe_training "$exp" # config, seed, feats, learnt
    job "${team[@]}" steps/train.py --config "$config" "${overrides[@]}" "${feats[@]}" "${learnt[@]}" --seed "$seed" \
      --device "$device" --train "data/$train_set" --dev "data/$dev_set" "${learning[@]}" "$exp/"
  done
  run_jobs
fi

if from_to 4 "score"; then
  for exp in "${trainings[@]}" "${!taken[@]}"; do
    describe_training "$exp" # feats, scored
    for set in "${scored[@]}"; do
      job "${gpu[@]}" steps/score.py --device "$device" "${feats[@]}" "$exp/best.pt" "data/$set" "$exp/$set/scores"
    done
  done
  run_jobs
fi

if from_to 5 "calibrate and fuse"; then
  for exp in "${calibrated[@]}"; do job steps/calibrate.py "${learn[@]}" "$exp" --out "$exp/calibration.json"; done
  for exp in "${together[@]}"; do describe_fusion "$exp" && job steps/fuse.py "${fused[@]}" --out "$exp/"; done
  for exp in "${known[@]}"; do
    describe_training "$exp" # feats
    job "${gpu[@]}" steps/novelty.py --device "$device" "${feats[@]}" "${near[@]}" "$exp" --out "$exp/novelty.npz"
  done
  run_jobs
fi

if from_to 6 "evaluate and report"; then
  for set in $eval_sets; do
    for exp in "${singles[@]}" "${together[@]}"; do
      job steps/evaluate.py --every-list --by "$by" ${dev_set:+--llr "$exp/$set/llr/scores"} --exp "$exp" \
        "data/$set" "$exp/$set/scores" "$exp/$set/result.json"
    done
    for pair in "${pairs[@]}"; do # two experiments, with {seed} in place of each
      job --renew steps/compare.py --every-list --metric eer,min_dcf,act_dcf,cllr --seeds "$seeds" \
        "${pair% *}" "${pair#* }" "data/$set" --out "$(comparison "$set" "$pair")"
    done
  done
  run_jobs
  for exp in "${measured[@]}"; do job steps/describe_model.py --exp "$exp" --out "$exp/cost.json"; done
  run_jobs 1 # whose speed is measured
  rank_and_report
fi
