# Sourced by run.sh, below its options: reads them, and has the words that its stages are written with.
# shellcheck shell=bash

. "${root:?}/utils/which_recipe.sh"
. "$root/utils/parse_options.sh"
. "$root/utils/check_options.sh"
"$root/tools/setup.sh" ${ANTISPOOF_CACHE:+--cache "$ANTISPOOF_CACHE"}
. "$root/utils/environment.sh"
[ "${submit_all:?}" = false ] || exec python "$root/utils/submit_all.py" --stages "${stage:?}" "${stop_stage:?}" \
  "$root/run.sh" --recipe-dir "$PWD" "${options_given[@]}" --cluster "${cluster-}" --corpus "${corpus-}"
. "$root/utils/jobs.sh"

declare -A settings # by "NAME KEY"
overrides=()
for pair in ${override-}; do overrides+=(--override "$pair"); done
read -ra named <<<"${systems:?}"
[ -z "${model_from-}" ] || named=("${models[@]}")
table=$(python "$root/utils/settings.py" "${overrides[@]}" -- "${named[@]}")
while IFS=$'\t' read -r key what value; do settings["$key $what"]=$value; done <<<"$table"

# shellcheck disable=SC2034 # run.sh reads these
{
  read -ra local_words <<<"${local_options-}"
  preparation=(${corpus:+--corpus "$corpus"} "${local_words[@]}")
  allowed=(${settings["* allow"]:+--allow ${settings["* allow"]}})
  read -ra learning <<<"${train_options-}"
  several=' --processes[ =](([0-9]+)x)?([0-9]+) ' nodes=1 processes=1 # of each training, and on each node
  [[ " ${learning[*]} " =~ $several ]] && nodes=${BASH_REMATCH[2]:-1} processes=${BASH_REMATCH[3]}
  learn=(--data "data/${dev_set-}" --apply "$dev_set ${eval_sets-}") # of calibration and fusion
  near=(--train "data/$train_set" --dev "data/$dev_set")             # of what is like the training set
  gpu=() team=()                                                     # of each job, and of each training
  [ "${device:?}" = cpu ] || gpu=(--gpu 1) team=(--gpu "$processes")
  team+=(--nodes "$nodes" --resumes)
}

. "$root/utils/experiments.sh"
. "$root/utils/unseen.sh"
. "$root/utils/results.sh"

from_to() { # from_to N WHAT: whether stage N is to be run; says so
  [ "${stage:?}" -le "$1" ] && [ "$1" -le "${stop_stage:?}" ] || return 1
  [ "$1" -le 3 ] || keep_apart
  echo "== Stage $1: $2"
  kept=(--stage "$1 of $stop_stage: $2") # read by run_jobs
  [ "$1" -le 2 ] || list_trainings
}
