# Sourced by utils/recipe.sh: what --unseen true adds to the stages. Each system is also trained once
# without each attack of dev, with the first seed; its scores of those spoofs teach another fusion.
# shellcheck shell=bash source=utils/recipe.sh

name_without() { # name_without SYSTEM ATTACK: of an experiment that knows nothing of an attack
  local whole first=${seeds:?}
  whole=$(name "$1" "${first%% *}")
  echo "${whole%_seed*}_without_$2_seed${whole##*_seed}"
}

unseen_attacks() { # every attack of dev, in one line
  local attack
  [ "${unseen:?}" = true ] || return 0
  cut -d " " -f 2 "data/${dev_set:?}/utt2attack" | sort -u | while read -r attack; do
    [[ $attack =~ ^(-|[[:alnum:]_][[:alnum:]._-]*)$ ]] ||
      stop "data/$dev_set/utt2attack: '$attack' cannot be part of a name; wanted letters, digits and . _ -"
    [ "$attack" = - ] || echo -n "$attack "
  done
}

fuse_unseen() { # fuse_unseen SEED EXPERIMENT...: the fusion that is learnt from models without an attack
  [ "$unseen" = true ] || return 0
  job steps/fuse.py --unseen "exp/{system}_without_{attack}_seed${seeds%% *}" "${learn[@]:?}" "${@:2}" \
    --out "exp/$(name fusion_unseen "$1")/"
}

unseen_rival() { # whose comparison is shown behind those of the systems
  [ "$unseen" = false ] || echo "exp/$(name fusion_unseen "{seed}")"
}

compare_unseen() { # compare_unseen SET: that fusion with the one that is learnt on dev alone
  [ "$unseen" = true ] || return 0
  job --renew steps/compare.py --every-list --metric eer,min_dcf,act_dcf,cllr --seeds "$seeds" \
    "$(unseen_rival)" "exp/$(name fusion "{seed}")" "data/$1" --out "$(comparison "$1" "$(unseen_rival)")"
}
