# Sourced by utils/recipe.sh: stops where an option of run.sh is wrong, and goes to the recipe's folder.
# shellcheck shell=bash

stop() { # stop WHY: an option is wrong
  echo "$0: $*" >&2
  exit 2
}

is_number() { # is_number TEXT: from 1 to 9999
  [[ $1 =~ ^[1-9][0-9]{0,3}$ ]]
}

for option in seeds systems eval_sets train_options local_options override; do # which may stand in lines
  printf -v "$option" %s "${!option//[$'\n\t']/ }"
done
name='^[[:alnum:]_][[:alnum:]._-]*$'
[[ ${stage:?} =~ ^[1-6]$ && ${stop_stage:?} =~ ^[1-6]$ && $stage -le $stop_stage ]] ||
  stop "--stage '$stage' --stop-stage '$stop_stage': wanted 1 to 6, the first not above the last"
is_number "${nj-}" || stop "--nj '$nj': wanted a number from 1 to 9999"
[[ ${seeds-} =~ ^(0|[1-9][0-9]{0,13})( +(0|[1-9][0-9]{0,13}))*$ ]] || # 01 would be seed 1 by another name
  stop "--seeds '$seeds': wanted numbers of at most 14 digits, e.g. \"1 2 3\""
for option in dry_run submit_all unseen; do
  [[ ${!option} =~ ^(true|false)$ ]] || stop "--${option//_/-} '${!option}': wanted true or false"
done
[[ ${device-} =~ ^(auto|cpu|cuda)$ ]] || # one job has one GPU, which is cuda to it
  stop "--device '$device': wanted auto, cpu or cuda; CUDA_VISIBLE_DEVICES chooses among GPUs"
[[ ${tag-} =~ ^[[:alnum:]._-]*$ ]] || stop "--tag '$tag': wanted letters, digits and . _ -"
[ -z "${override-}" ] || [ -n "$tag" ] ||
  stop "--override changes what an experiment is; name it with --tag"
. "${root:?}/utils/model_from.sh"
[ -n "${systems-}" ] || stop "--systems is empty; run a recipe, e.g. egs/mini/run.sh"
for option in seeds systems eval_sets; do
  twice=$(tr -s ' ' '\n' <<<"${!option}" | sort | uniq -d)
  [ -z "$twice" ] || stop "--${option//_/-}: ${twice//$'\n'/ } stands there twice; wanted each once"
done
fusions=fusion # of the systems, by what each is learnt from
[ "${unseen:?}" = false ] || fusions="fusion fusion_unseen"
for fusion in $fusions; do
  [[ " $systems " != *" $fusion "* ]] || stop "--systems: '$fusion' is what the fusion of them is called"
done
for system in $systems; do
  [[ $system =~ $name ]] || stop "--systems: '$system' is no name; wanted that of a conf/train_<system>.yaml"
done
chosen=("${train_set-}" "${dev_set-}")
[ -z "${model_from-}" ] || read -ra chosen <<<"$train_set $dev_set" # one that is empty is not read
for set in "${chosen[@]}" ${eval_sets-}; do                         # so that a set has one name alone
  [[ $set =~ $name ]] || stop "'$set' is no set; wanted a folder of data/ by its name"
done
[ "${dry_run:?} ${submit_all:?}" != "true true" ] || stop "--dry-run --submit-all: wanted one of them"
[ -n "${model_from-}" ] || [ "$dev_set" != "$train_set" ] || stop "--dev-set: '$dev_set' is what is learnt on; wanted another set"
for set in $eval_sets; do # at every stage: a calibration learns too
  [ "$set" != "$dev_set" ] && [ "$set" != "$train_set" ] ||
    stop "--eval-sets: '$set' is to report on; nothing is learnt or chosen on it"
done
# these are given from where the user stands
[ -z "${corpus-}" ] || corpus=$(realpath -ms -- "$corpus")
[ ! -f "${cluster-}" ] || cluster=$(realpath -ms -- "$cluster")
[ -z "${cluster-}" ] || export ANTISPOOF_CLUSTER=$cluster
[ -z "${ANTISPOOF_CACHE-}" ] || ANTISPOOF_CACHE=$(realpath -ms -- "$ANTISPOOF_CACHE")
cd "${recipe_dir:?}" || stop "no recipe there"
case ${ANTISPOOF_CLUSTER:=local} in
  local | */* | *.yaml) ;; # a file that is not there is named by who reads it
  *) [ -f "conf/cluster/$ANTISPOOF_CLUSTER.yaml" ] || [ -f "${root:?}/conf/cluster/$ANTISPOOF_CLUSTER.yaml" ] ||
    stop "--cluster: no conf/cluster/$ANTISPOOF_CLUSTER.yaml, neither in $PWD nor in $root" ;;
esac
[ -n "${model_from-}" ] || for system in $systems; do
  [ -f "conf/train_$system.yaml" ] || [ -f "${root:?}/conf/train_$system.yaml" ] ||
    stop "--systems: no conf/train_$system.yaml, neither in $PWD nor in $root"
done
