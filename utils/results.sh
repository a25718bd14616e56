# Sourced by utils/recipe.sh: what stage 6 shows: comparisons, pages, tables.
# shellcheck shell=bash

keep_apart() { # a list of trials has its results in <set>_<list>, which is no name of a set then
  local set list
  for set in "${sets[@]:?}"; do
    for list in $(shopt -s nullglob && cd "data/$set" 2>/dev/null && echo trials/*); do
      [[ " ${sets[*]} " != *" ${set}_${list#trials/} "* ]] ||
        stop "'${set}_${list#trials/}' is a set, and the list '${list#trials/}' of $set; one needs another name"
    done
  done
}

# shellcheck disable=SC2034 # run.sh reads it
list_pairs() { # sets pairs, "EXP RIVAL" over all seeds: the fusion and each system, and itself without it
  local system ours
  ours=exp/$(name fusion "{seed}")
  pairs=()
  if [ -n "${dev_set-}" ] && [ "$(wc -w <<<"${systems:?}")" -gt 1 ]; then
    for system in $systems; do pairs+=("$ours exp/$(name "$system" "{seed}")"); done
    [ -z "${leave_one_out[*]-}" ] ||
      for system in $systems; do pairs+=("$ours $ours/without_$(name "$system" "{seed}")"); done
  fi
  [ "${unseen:?}" = false ] || pairs+=("exp/$(name fusion_unseen "{seed}") $ours")
}
list_pairs

comparison() { # comparison SET[_LIST] PAIR: the file that is written of it
  local named=${2#* }
  [ "$named" != "exp/$(name fusion "{seed}")" ] || named=${2% *}
  named=${named##*/}
  echo "exp/compare/$1/${named%_seed*}.json"
}

comparisons() { # every comparison of this run, as words of steps/report.py
  local set list pair
  for set in ${eval_sets-}; do
    for list in "" $(shopt -s nullglob && cd "data/$set" 2>/dev/null && echo trials/*); do
      for pair in "${pairs[@]}"; do echo -n "--compare $(comparison "$set${list:+_${list#trials/}}" "$pair") "; done
    done
  done
}

report_of() { # report_of SET: its page
  if [ "$1" = "${eval_sets%% *}" ]; then echo exp/report.html; else echo "exp/report_$1.html"; fi
}

localise() { # where a sound is spoofed, by each of "$@" that is a model of frames
  local exp set
  for exp in "$@"; do
    for set in ${eval_sets-}; do
      [ ! -d "$exp/$set/scores.frames" ] || [ ! -f "data/$set/segments" ] ||
        job steps/localise.py "data/$set" "$exp/$set/scores.frames" "$exp/localisation_$set.json"
    done
  done
  run_jobs
}

# shellcheck disable=SC2154 # utils/experiments.sh sets together
rank_and_report() { # from what is measured: the order of systems, each set's page, and its table
  local set shown every
  every=("${singles[@]:?}" "${together[@]}")
  read -ra shown <<<"$(comparisons)"
  localise "${singles[@]}"
  if [ -f conf/rank.yaml ]; then # the recipe says which of its results are in domain
    job --renew steps/rank.py --config conf/rank.yaml "${every[@]}" --out exp/rank.json
    run_jobs
    shown+=(--rank exp/rank.json)
  fi
  for set in $eval_sets; do
    job --renew steps/report.py --set "data/$set" "${shown[@]}" "${every[@]}" --out "$(report_of "$set")"
  done
  run_jobs
  [ "${dry_run:?}" = false ] || return 0
  for set in $eval_sets; do
    python "${root:?}/utils/show_results.py" --set "$set" "${every[@]}"
    echo "report: $PWD/$(report_of "$set")"
  done
}
