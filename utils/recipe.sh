# Sourced by run.sh, below its options: the words that its stages are written with.
# shellcheck shell=bash

fusions=fusion # of the systems, by what each is learnt from
[ "${unseen-}" != true ] || fusions="fusion fusion_unseen"
. "${root:?}/utils/check_options.sh"
"$root/tools/setup.sh" ${cache:+--cache "$cache"}
. "$root/utils/environment.sh"
. "$root/utils/jobs.sh"
. "$root/utils/experiments.sh"
. "$root/utils/unseen.sh"

# shellcheck disable=SC2034 # run.sh reads these
{
  read -ra local_words <<<"${local_options-}"
  preparation=(${corpus:+--corpus "$corpus"} ${cache:+--cache "$cache"} "${local_words[@]}")
  read -ra allowed <<<"${allow:+--allow $allow}"
  learning=()
  for set in ${watch_sets-}; do learning+=(--watch "data/$set"); done
  read -ra words <<<"${train_options-}"
  learning+=("${words[@]}")
  learn=(--data "data/${dev_set:?}" --apply "$dev_set ${eval_sets-}") # of calibration and fusion
  overrides=()
  for pair in ${override-}; do overrides+=(--override "$pair"); done
  gpu=() gpus=() # of each job, and of each training
  [ "${device:?}" = cpu ] || gpu=(--gpu 1) gpus=(--gpu "${processes:?}")
  train=(steps/train.py)
  [ "${processes:?}" = 1 ] || train=(torchrun --standalone --nproc_per_node "$processes" "$root/steps/train.py")
  leave_one_out=() # what each of several systems brings to their fusion
  [ "$(wc -w <<<"${systems:?}")" -lt 3 ] || leave_one_out=(--leave-one-out)
}

declare -A settings # by "NAME KEY"
read -ra named <<<"$systems"
table=$(python "$root/utils/settings.py" "${overrides[@]}" -- "${named[@]}")
while IFS=$'\t' read -r key what value; do settings["$key $what"]=$value; done <<<"$table"

from_to() { # from_to N WHAT: whether stage N is to be run; says so
  [ "${stage:?}" -le "$1" ] && [ "$1" -le "${stop_stage:?}" ] || return 1
  echo "== Stage $1: $2"
  kept=(--stage "$1 of $stop_stage: $2") # read by run_jobs
}

# shellcheck disable=SC2034 # run.sh reads these
reads_of() { # reads_of SYSTEM SEED ATTACK: sets feats, learnt and scored: what training and scoring read
  local start=${settings["$1 start"]}
  feats=() learnt=()
  read -ra scored <<<"$dev_set ${eval_sets-}"
  [ -z "${settings["$1 feats"]}" ] || feats=(--feats "${settings["$1 feats"]}")
  [ -z "$3" ] || learnt+=(--override "without_attacks=['$3']") scored=("$dev_set")
  [ -z "$start" ] || learnt+=(--start "${start//\{seed\}/$2}")
  [ -z "$3${settings["$1 without"]}" ] ||
    learnt+=(--attacks "data/$train_set/utt2attack" --attacks "data/$dev_set/utt2attack")
}
