# Sourced by utils/recipe.sh: what a run consists of: sets, features, experiments, comparisons, pages.
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

sets() { # every set of this run, once
  tr -s ' ' '\n' <<<"${train_set:?} ${dev_set:?} ${eval_sets-} ${watch_sets-}" | awk 'NF && !seen[$0]++'
}

dumps() { # lines UPSTREAM SET [--copies] of all features that are cached; copies are of the training set
  local upstream set copies system
  for upstream in $(for system in ${systems:?}; do echo "${settings["$system feats"]:-}"; done | sed -n 's,^dump/,,p' | sort -u); do
    for set in $(sets); do
      copies=--copies
      [ "$set" = "$train_set" ] && [ "${settings["upstream/$upstream copies"]}" != 0 ] || copies=
      echo "$upstream $set $copies"
    done
  done
}

trainings() { # lines SYSTEM SEED EXPERIMENT [ATTACK]: every seed, and one without each attack
  local system seed attack attacks
  attacks=$(unseen_attacks) || return
  for system in $systems; do
    for seed in ${seeds:?}; do echo "$system $seed exp/$(name "$system" "$seed")"; done
    for attack in $attacks; do echo "$system ${seeds%% *} exp/$(name_without "$system" "$attack") $attack"; done
  done
}

rivals() { # what the fusion is compared with, over all seeds: each system, and itself without it
  local system
  [ "$(wc -w <<<"$systems")" -gt 1 ] || return 0
  for system in $systems; do echo "exp/$(name "$system" "{seed}")"; done
  [ -n "${leave_one_out[*]-}" ] || return 0
  for system in $systems; do echo "exp/$(name fusion "{seed}")/without_$(name "$system" "{seed}")"; done
}

comparison() { # comparison SET[_LIST] RIVAL: the file that is written of it
  local rival=${2##*/}
  echo "exp/compare/$1/${rival%_seed*}.json"
}

comparisons() { # every comparison of this run, as words of steps/report.py
  local set list rival
  for set in $eval_sets; do
    for list in "" $(shopt -s nullglob && cd "data/$set" 2>/dev/null && echo trials/*); do
      for rival in $(rivals) $(unseen_rival); do
        echo -n "--compare $(comparison "$set${list:+_${list#trials/}}" "$rival") "
      done
    done
  done
}

report_of() { # report_of SET: its page
  if [ "$1" = "${eval_sets%% *}" ]; then echo exp/report.html; else echo "exp/report_$1.html"; fi
}
