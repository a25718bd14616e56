# Sourced by run.sh, below its options: what its stages are written with.
# shellcheck shell=bash disable=SC2034,SC2046,SC2064,SC2154 # shared with run.sh

stop() { # stop WHY: an option is wrong
  echo "$0: $*" >&2
  exit 2
}

[[ $stage =~ ^[1-6]$ && $stop_stage =~ ^[1-6]$ && $stage -le $stop_stage ]] ||
  stop "--stage '$stage' --stop-stage '$stop_stage': wanted 1 to 6, the first not above the last"
[[ $nj =~ ^[1-9][0-9]{0,3}$ ]] || stop "--nj '$nj': wanted a number from 1 to 9999"
[[ $seeds =~ ^(0|[1-9][0-9]{0,13})( +(0|[1-9][0-9]{0,13}))*$ ]] || # 01 would be seed 1 by another name
  stop "--seeds '$seeds': wanted numbers of at most 14 digits, e.g. \"1 2 3\""
[[ $processes =~ ^[1-9][0-9]{0,3}$ ]] || stop "--processes '$processes': wanted a number from 1 to 9999"
[[ $device =~ ^(auto|cpu|cuda)$ ]] || # one job has one GPU, which is cuda to it
  stop "--device '$device': wanted auto, cpu or cuda; CUDA_VISIBLE_DEVICES chooses among GPUs"
[[ $allow_partial =~ ^(true|false)$ ]] || stop "--allow-partial '$allow_partial': wanted true or false"
[[ $tag =~ ^[[:alnum:]._-]*$ ]] || stop "--tag '$tag': wanted letters, digits and . _ -"
[ -z "$override" ] || [ -n "$tag" ] ||
  stop "--override changes what an experiment is; name it with --tag"
[ -n "$systems" ] || stop "--systems is empty; run a recipe, e.g. egs/mini/run.sh"
[ -z "$corpus" ] || corpus=$(realpath -ms -- "$corpus") # both are given from where the user stands
if [ -n "$cache" ]; then
  cache=$(realpath -ms -- "$cache")
  export ANTISPOOF_CACHE=$cache # where upstreams' weights are fetched to
fi
for option in seeds systems eval_sets watch_sets; do
  twice=$(tr -s ' ' '\n' <<<"${!option}" | sort | uniq -d)
  [ -z "$twice" ] || stop "--${option//_/-}: ${twice//$'\n'/ } stands there twice; wanted each once"
done
. "$root/utils/unseen.sh"
for system in $systems; do
  [[ $system =~ ^[[:alnum:]_][[:alnum:]._-]*$ ]] ||
    stop "--systems: '$system' is no name; wanted that of a conf/train_<system>.yaml"
done
for set in "$train_set" "$dev_set" $eval_sets $watch_sets; do # so that a set has one name alone
  [[ $set =~ ^[[:alnum:]_][[:alnum:]._-]*$ ]] || stop "'$set' is no set; wanted a folder of data/ by its name"
done
[ "$dev_set" != "$train_set" ] || stop "--dev-set: '$dev_set' is what is learnt on; wanted another set"
for set in $eval_sets; do # at every stage: a calibration learns too
  [ "$set" != "$dev_set" ] && [ "$set" != "$train_set" ] ||
    stop "--eval-sets: '$set' is to report on; nothing is learnt or chosen on it"
done
cd "$recipe_dir" || stop "no recipe there"
for system in $systems; do
  [ -f "conf/train_$system.yaml" ] || [ -f "$root/conf/train_$system.yaml" ] ||
    stop "--systems: no conf/train_$system.yaml, neither in $PWD nor in $root"
done

"$root/tools/setup.sh" ${cache:+--cache "$cache"}
. "$root/utils/environment.sh"

literal() { # literal TEXT: with its braces twice, so that the launcher leaves them as they are
  printf '%s\n' "$1" | sed 's/[{}]/&&/g'
}

prepare_options=()
[ -z "$size" ] || prepare_options+=(--size "$size")
[ -z "$corpus" ] || prepare_options+=(--corpus "$corpus")
[ -z "$cache" ] || prepare_options+=(--cache "$cache")
[ "$allow_partial" = false ] || prepare_options+=(--allow-partial)

allow_options=()
[ -z "$allow" ] || read -ra allow_options <<<"--allow $allow"

overrides=()
for pair in $override; do overrides+=(--override "$pair"); done

declare -A settings # by "NAME KEY"
read -ra named <<<"$systems"
table=$(python "$root/utils/settings.py" "${overrides[@]}" -- "${named[@]}")
while IFS=$'\t' read -r name key value; do settings["$name $key"]=$value; done <<<"$table"

device_options=() # of extraction, which chooses by itself where nothing is said
[ "$device" = auto ] || device_options=(--device "$device")
gpu=() gpus=() # of the launcher: for each job, and for each training
[ "$device" = cpu ] || gpu=(--gpu 1) gpus=(--gpu "$processes")

learning_options=()
for set in $watch_sets; do learning_options+=(--watch "data/$set"); done
for word in $train_options; do learning_options+=("$word"); done

train=(steps/train.py)
[ "$processes" = 1 ] || train=(torchrun --standalone --nproc_per_node "$processes" "$root/steps/train.py")

for words in prepare_options allow_options overrides learning_options train; do
  declare -n array=$words
  for index in "${!array[@]}"; do array[index]=$(literal "${array[index]}"); done
done

from_to() { # from_to N WHAT: whether stage N is to be run; says so
  [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] || return 1
  echo "== Stage $1: $2"
}

job() { # the launcher; see utils/run.py --help
  python "$root/utils/run.py" --parent "$$" --slots "$nj" "$@" &
  wait "$!" # which a signal interrupts
}

end() { # end SIGNAL: the launcher with its jobs, then this shell
  trap '' INT TERM HUP
  kill -TERM $(jobs -p) 2>/dev/null || true
  wait || true
  trap - "$1"
  kill "-$1" "$$"
}
for signal in INT TERM HUP; do trap "end $signal" "$signal"; done

commas() { # "a b" -> a,b
  local -a words
  read -ra words <<<"$*"
  (IFS=, && echo "${words[*]}")
}

name() { # name SYSTEM SEED: of an experiment; the one place that derives it
  echo "$1${tag:+_$tag}_seed$2"
}

sets() { # every set of this run, once
  local set
  for set in $train_set $dev_set $eval_sets $watch_sets; do echo "$set"; done | awk '!seen[$0]++'
}

names() { # names SYSTEMS SEEDS [PREFIX]: of all of them, with a prefix
  local system seed
  for system in $1; do
    for seed in $2; do echo "${3-}$(name "$system" "$seed")"; done
  done
}

experiments() { # experiments SYSTEMS: a,b,c
  commas "$(names "$1" "$seeds" | tr '\n' ' ')"
}

says() { # says NAME KEY: what a system, or upstream/<name>, reads; see utils/settings.py --help
  echo "${settings["$1 $2"]}"
}

upstreams() { # whose cached features systems read, each once
  local system
  for system in $systems; do
    [ "$(says "$system" feats)" != cached ] || says "$system" upstream
  done | sort -u
}

copies_of() { # copies_of UPSTREAM SET: the option that asks for a training set's augmented copies
  [ "$2" != "$train_set" ] || [ "$(says "upstream/$1" copies)" = 0 ] || echo --copies
}

front_end() { # front_end SYSTEM: the files that say what its upstream computes, if it has one
  local upstream
  upstream=$(says "$1" upstream)
  [ -z "$upstream" ] || says "upstream/$upstream" files
}

checkpoint_of() { # checkpoint_of SYSTEM: that of its upstream, whose config its experiment holds
  local upstream
  upstream=$(says "$1" upstream)
  [ -z "$upstream" ] || says "upstream/$upstream" checkpoint
}

inputs_of() { # inputs_of SYSTEM SETS: the files that say what a system reads of them
  local set feats dump
  feats=$(says "$1" feats) dump=dump/$(says "$1" upstream)
  [ "$feats" != ssl ] || front_end "$1"
  for set in $2; do
    echo "data/$set/wav.scp data/$set/utt2dur"
    [ "$feats" != cached ] || echo "$dump/$set/utt2sum $dump/$set/.done"
  done
}

learning_inputs_of() { # learning_inputs_of SYSTEM [unseen]: what its training reads; scoring reads no label
  local set
  says "$1" config
  says "$1" start
  inputs_of "$1" "$train_set $dev_set $watch_sets"
  for set in $train_set $dev_set $watch_sets; do echo "data/$set/utt2label"; done
  [ -z "${2-$(says "$1" without)}" ] || echo "data/$train_set/utt2attack data/$dev_set/utt2attack"
  for set in $watch_sets; do echo "data/$set/trials/*"; done
}

scores_of() { # scores_of EXPERIMENT...: their score tables
  local experiment set
  for experiment in "$@"; do
    for set in $dev_set $eval_sets; do echo "exp/$experiment/$set/scores"; done
  done
}

trial_lists() { # trial_lists SET: all, and the set's named lists
  echo all
  [ ! -d "data/$1/trials" ] || ls "data/$1/trials"
}

result_name() { # result_name SET TRIALS: SET, or SET_TRIALS for a named list
  if [ "$2" = all ]; then echo "$1"; else echo "$1_$2"; fi
}

results() { # every result of this run
  local set trials experiment
  for set in $eval_sets; do
    for trials in $(trial_lists "$set"); do
      for experiment in $(names "$systems $fusions" "$seeds"); do
        echo "exp/$experiment/$(result_name "$set" "$trials")/result.json"
      done
    done
  done
}

trials_of() { # trials_of SET: the tables that say what is judged, for which speakers and against what
  echo "data/$1/utt2*" "data/$1/trials/*" "data/$1/trial_counts*"
}

records() { # what each experiment of this run says of itself: its cost, choices, calibration or weights
  local exp
  for exp in $(names "$systems $fusions" "$seeds" exp/); do echo "$exp/*.json"; done
}

shown_of() { # shown_of SET: what its page shows besides results and records
  local exp
  trials_of "$1"
  for exp in $(names "$systems $fusions" "$seeds" exp/); do
    echo "$exp/$1/scores $exp/$1/llr/scores $exp/.done $exp/config.yaml* $exp/env.txt* $exp/curve.csv*"
  done
}

report_of() { # report_of SET: its page, without its ending
  if [ "$1" = "${eval_sets%% *}" ]; then echo report; else echo "report_$1"; fi
}

scores_of_all() { # scores_of_all SET EXPERIMENT...: their score tables with every seed
  local template seed
  for template in "${@:2}"; do
    for seed in $seeds; do echo "${template//\{\{seed\}\}/$seed}/$1/scores"; done
  done
}

leave_one_out() { # the option that says what each of several systems brings to their fusion
  [ "$(wc -w <<<"$systems")" -lt 3 ] || echo --leave-one-out
}

rivals() { # what the fusion is compared with, over all seeds: each system, and itself without it
  [ "$(wc -w <<<"$systems")" -gt 1 ] || return 0
  echo "exp/$(name "{system}" "{{seed}}")"
  [ -z "$(leave_one_out)" ] || echo "exp/$(name fusion "{{seed}}")/without_$(name "{system}" "{{seed}}")"
}

comparison() { # comparison SET TRIALS RIVAL: what is written of it, without its ending
  local rival=${3##*/}
  echo "exp/compare/$(result_name "$1" "$2")/${rival%_seed*}"
}

comparisons() { # every comparison of this run, in one line
  local set trials rival system pair
  for set in $eval_sets; do
    for trials in $(trial_lists "$set"); do
      for rival in $(rivals); do
        pair=$(comparison "$set" "$trials" "$rival")
        for system in $systems; do echo -n "${pair//\{system\}/$system}.json "; done
      done
      pair=$(unseen_comparison "$set" "$trials")
      echo -n "${pair:+$pair.json }"
    done
  done
}
