# Sourced by utils/recipe.sh: what --unseen true adds to the stages. Each system is also trained once
# without each attack of dev, with the first seed; its scores of those spoofs teach another fusion.
# shellcheck shell=bash disable=SC2046,SC2154 # shared with run.sh

[[ $unseen =~ ^(true|false)$ ]] || stop "--unseen '$unseen': wanted true or false"
fusions=fusion # of the systems, by what each is learnt from
[ "$unseen" = false ] || fusions="fusion fusion_unseen"
for fusion in $fusions; do
  [[ " $systems " != *" $fusion "* ]] || stop "--systems: '$fusion' is what the fusion of them is called"
done

name_without() { # name_without SYSTEM ATTACK: of an experiment that knows nothing of an attack
  local whole
  whole=$(name "$1" "${seeds%% *}")
  echo "${whole%_seed*}_without_$2_seed${whole##*_seed}"
}

unseen_attacks() { # every attack of dev, in one line
  local attack
  cut -d " " -f 2 "data/$dev_set/utt2attack" | sort -u | while read -r attack; do
    [[ $attack =~ ^(-|[[:alnum:]_][[:alnum:]._-]*)$ ]] ||
      stop "data/$dev_set/utt2attack: '$attack' cannot be part of a name; wanted letters, digits and . _ -"
    [ "$attack" = - ] || echo -n "$attack "
  done
}

train_unseen() { # train_unseen SYSTEM: once without each attack
  local attacks exp
  [ "$unseen" = true ] || return 0
  attacks=$(unseen_attacks)
  exp=exp/$(name_without "$1" "{attack}")
  job "${gpus[@]}" --done "$exp/.done" --from "$(learning_inputs_of "$1" unseen)" \
    "ATTACK=$(commas "$attacks")" "$exp/log/train.log" \
    "${train[@]}" --config "conf/train_$1.yaml" "${overrides[@]}" \
    --override "without_attacks=['{attack}']" --seed "${seeds%% *}" --device "$device" \
    --train "data/$train_set" --dev "data/$dev_set" "${learning_options[@]}" "$exp"
}

score_unseen() { # score_unseen SYSTEM: dev, by what was trained without each attack
  local attacks exp
  [ "$unseen" = true ] || return 0
  attacks=$(unseen_attacks)
  exp=exp/$(name_without "$1" "{attack}")
  job "${gpu[@]}" --done "$exp/$dev_set/.done.score" \
    --from "$exp/best.pt $(inputs_of "$1" "$dev_set")" \
    "ATTACK=$(commas "$attacks")" "$exp/log/score_$dev_set.log" \
    steps/score.py --device "$device" "$exp" "data/$dev_set" "$exp/$dev_set/scores"
}

unseen_inputs() { # unseen_inputs SEED: what the fusion of a seed is learnt from and applied to
  local system attack exp
  echo "data/$dev_set/utt2label data/$dev_set/utt2attack"
  scores_of $(names "$systems" "$1")
  for system in $systems; do
    echo "exp/$(name "$system" "$1")/config.yaml"
    for attack in $(unseen_attacks); do
      exp=exp/$(name_without "$system" "$attack")
      echo "$exp/config.yaml $exp/$dev_set/scores"
    done
  done
}

fuse_unseen() { # fuse_unseen SEED: the fusion that is learnt from models without an attack
  local out
  [ "$unseen" = true ] || return 0
  out=exp/$(name fusion_unseen "$1")
  job --done "$out/.done" --from "$(unseen_inputs "$1")" "$out/log/fuse.log" \
    steps/fuse.py --unseen "exp/{{system}}_without_{{attack}}_seed${seeds%% *}" \
    --data "data/$dev_set" --apply "$dev_set $eval_sets" --out "$out" $(names "$systems" "$1" exp/)
}

unseen_comparison() { # unseen_comparison SET TRIALS: its file, without its ending
  [ "$unseen" = false ] || comparison "$1" "$2" "exp/$(name fusion_unseen "{{seed}}")"
}

compare_unseen() { # compare_unseen SET TRIALS: that fusion with the one that is learnt on dev alone
  local pair both
  [ "$unseen" = true ] || return 0
  pair=$(unseen_comparison "$1" "$2")
  both=("exp/$(name fusion_unseen "{{seed}}")" "exp/$(name fusion "{{seed}}")")
  job --renew --done "$(dirname "$pair")/.done.$(basename "$pair")" \
    --from "$(trials_of "$1") $(scores_of_all "$1" "${both[@]}") $(scores_of_all "$1/llr" "${both[@]}")" \
    "$pair.log" steps/compare.py --metric eer,min_dcf,act_dcf,cllr --seeds "$seeds" --trials "$2" \
    --out "$pair.json" "${both[@]}" "$1"
}
