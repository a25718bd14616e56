# Sourced by utils/recipe.sh: what --unseen adds to the stages. Each system is also trained once without
# each attack of dev, with the first seed; its scores of those spoofs teach another fusion.
# shellcheck shell=bash source=utils/recipe.sh

name_without() { # name_without SYSTEM ATTACK: of an experiment that knows nothing of an attack
  local whole first=${seeds:?}
  whole=$(name "$1" "${first%% *}")
  echo "${whole%_seed*}_without_$2_seed${whole##*_seed}"
}

unseen_attacks() { # every attack of dev, in one line
  local attack attacks=data/${dev_set-}/utt2attack
  [ "${unseen:?}" = true ] || return 0
  [ -f "$attacks" ] || stop "$attacks is not there, which --unseen reads; run stage 1 first"
  cut -d " " -f 2 "$attacks" | sort -u | while read -r attack; do
    [[ $attack =~ ^(-|[[:alnum:]_][[:alnum:]._-]*)$ ]] ||
      stop "$attacks: '$attack' cannot be part of a name; wanted letters, digits and . _ -"
    [ "$attack" = - ] || echo -n "$attack "
  done
}
