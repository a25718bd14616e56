# Sourced by utils/check_options.sh: --model-from takes experiments from elsewhere; none is trained here.
# Each is copied into exp/, with its scores of dev; so what is learnt of them is that of their own recipe.
# shellcheck shell=bash

declare -A taken # of an experiment of this run, the folder that it is from
models=()        # those folders
source_dev=      # the data directory of dev that comes with all of them

take_names() { # sets systems, seeds and taken by the names of the folders
  local place name="^(.+)_seed(0|[1-9][0-9]{0,13})$" given_systems=() given_seeds=() places
  # shellcheck disable=SC2206 # names with blanks between, or one that has blanks itself
  places=(${model_from:?})
  [ ! -e "$model_from" ] && [ ! -e "${recipe_dir:?}/$model_from" ] || places=("$model_from")
  for place in "${places[@]}"; do
    [ -e "$place" ] || place=${recipe_dir:?}/$place # from where the user stands, or else from the recipe
    place=$(realpath -ms -- "${place%/best.pt}")
    [ -f "$place/best.pt" ] && [ -f "$place/config.yaml" ] ||
      stop "--model-from: no best.pt with config.yaml in $place; train it first, or tools/import_checkpoint.py" \
        "(several have blanks between: one whose name has blanks is named alone, or by a link)"
    [[ ${place##*/} =~ $name ]] || [[ ${place##*/}_seed1 =~ $name ]] # one that was imported has no seed
    given_systems+=("${BASH_REMATCH[1]}") given_seeds+=("${BASH_REMATCH[2]}")
    taken["exp/${BASH_REMATCH[1]}_seed${BASH_REMATCH[2]}"]=$place
    models+=("$place")
  done
  systems=$(printf '%s\n' "${given_systems[@]}" | awk '!seen[$0]++' | paste -sd ' ')
  seeds=$(printf '%s\n' "${given_seeds[@]}" | awk '!seen[$0]++' | paste -sd ' ')
  [ "$(($(wc -w <<<"$systems") * $(wc -w <<<"$seeds")))" = "${#taken[@]}" ] && [ "${#models[@]}" = "${#taken[@]}" ] ||
    stop "--model-from: wanted each of '$systems' once with each of the seeds '$seeds'"
}

take_dev() { # where nothing is trained here, dev is that of the models, if all of them come with it
  local place
  [ -z "${train_set-}" ] || return 0
  source_dev=$(realpath -ms -- "${models[0]}/../../data/$dev_set")
  for place in "${models[@]}"; do
    [ -f "$place/$dev_set/scores" ] && [ -f "$source_dev/utt2label" ] &&
      [ "$(realpath -ms -- "$place/../../data/$dev_set")" = "$source_dev" ] || source_dev=
  done
  [ -n "$source_dev" ] || dev_set=
}

take_models() { # what stage 3 does in place of training
  local exp
  for exp in "${!taken[@]}"; do job utils/take_model.py ${source_dev:+--dev "$source_dev"} "${taken[$exp]}" "$exp/"; done
}

if [ -n "${model_from-}" ]; then
  [ "${unseen:?}" = false ] && [ -z "${tag-}${override-}${train_options-}" ] ||
    stop "--model-from: what is taken is not trained; found --unseen, --tag, --override or --train-options"
  take_names
  take_dev
elif [ -z "${systems-}${train_set-}" ]; then
  stop "--model-from is empty, and nothing is trained on this corpus; wanted experiments of another recipe"
fi
