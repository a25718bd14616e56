# Sourced by utils/recipe.sh: what a run consists of: sets, features, experiments, and what each reads.
# shellcheck shell=bash

name() { # name SYSTEM SEED: of an experiment; the one place that derives it
  echo "$1${tag:+_$tag}_seed$2"
}

experiments() { # experiments SYSTEMS SEEDS: the folders of all of them, in one line
  local system seed
  for system in $1; do
    for seed in $2; do echo -n "exp/$(name "$system" "$seed") "; done
  done
}

# shellcheck disable=SC2034 # run.sh reads these
{
  sets=() # each once
  own_dev=${dev_set-} learnt_on=${train_set-}
  [ -z "${source_dev-}" ] || own_dev= # it comes with models
  [ -z "${model_from-}" ] || learnt_on=
  for set in $learnt_on $own_dev ${eval_sets-}; do [[ " ${sets[*]} " == *" $set "* ]] || sets+=("$set"); done
  read -ra singles <<<"$(experiments "${systems:?}" "${seeds:?}")"
  read -ra together <<<"$(experiments "${fusions:?}" "$seeds")"
  read -ra measured <<<"$(experiments "$systems" "${seeds%% *}")" # the cost of one seed stands for all
  dumps=()                                                        # dump/<upstream>/<set> of all features that are cached
  for upstream in $(for system in $systems; do echo "${settings["$system feats"]-}"; done | sed -n 's,^dump/,,p' | sort -u); do
    for set in "${sets[@]}"; do dumps+=("dump/$upstream/$set"); done
  done
  known=("${singles[@]}")
  [ -z "${model_from-}" ] || known=() # the training set is elsewhere
  calibrated=("${singles[@]}")
  [ -n "${dev_set-}" ] || calibrated=() together=() # nothing is there to learn on
  leave_one_out=()                                  # what each of several systems brings to their fusion
  [ "$(wc -w <<<"$systems")" -lt 3 ] || leave_one_out=(--leave-one-out)
}

declare -A made_by # of an experiment that is trained, "SYSTEM SEED ATTACK"

train_also() { # train_also NAME SYSTEM SEED [ATTACK]: adds exp/NAME to trainings
  trainings+=("exp/$1")
  made_by["exp/$1"]="${*:2}"
}

list_trainings() { # sets trainings: every seed of every system, and, with --unseen, one without each attack
  local system seed attack attacks exp
  attacks=$(unseen_attacks) || exit
  trainings=()
  if [ -n "${model_from-}" ]; then
    for exp in "${singles[@]}"; do
      seed=${exp##*_seed} system=${exp#exp/}
      made_by["$exp"]="${system%_seed*} $seed"
    done
    return
  fi
  for system in $systems; do
    for seed in $seeds; do train_also "$(name "$system" "$seed")" "$system" "$seed"; done
    for attack in $attacks; do train_also "$(name_without "$system" "$attack")" "$system" "${seeds%% *}" "$attack"; done
  done
}

# shellcheck disable=SC2034 # run.sh reads what these set
{
  describe_dump() { # describe_dump DUMP: sets set, config and copies, which are of the training set alone
    local upstream=${1#dump/}
    upstream=${upstream%/*} set=${1##*/} copies=()
    config=conf/upstream/$upstream.yaml
    [ "$set" != "$train_set" ] || [ "${settings["upstream/$upstream copies"]}" = 0 ] || copies=(--copies)
  }

  describe_training() { # describe_training EXP: sets config, seed, feats, learnt, and scored, the sets
    local system attack start
    read -r system seed attack <<<"${made_by["$1"]}"
    config=conf/train_$system.yaml start=${settings["$system start"]}
    feats=() learnt=()
    read -ra scored <<<"$own_dev ${eval_sets-}"
    [ -z "${settings["$system feats"]}" ] || feats=(--feats "${settings["$system feats"]}")
    [ -z "$attack" ] || learnt+=(--override "without_attacks=['$attack']") scored=("$dev_set")
    [ -z "$start" ] || learnt+=(--start "${start//\{seed\}/$seed}")
    [ -z "$attack${settings["$system without"]}" ] ||
      learnt+=(--attacks "data/$train_set/utt2attack" --attacks "data/$dev_set/utt2attack")
  }

  describe_fusion() { # describe_fusion EXP: sets fused, how it is learnt and from which experiments
    local seed=${1##*_seed} how=("${leave_one_out[@]}")
    [ "$1" != "exp/$(name fusion_unseen "$seed")" ] || how=(--unseen "exp/{system}_without_{attack}_seed${seeds%% *}")
    read -ra fused <<<"$(experiments "$systems" "$seed")"
    fused=("${how[@]}" "${learn[@]:?}" "${fused[@]}")
  }
}
