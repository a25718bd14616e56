# Sourced by run.sh: which recipe it is called for; goes on in that recipe's own run.sh, which calls back.
# shellcheck shell=bash

# shellcheck disable=SC2034 # utils/check_options.sh goes to recipe_dir
case ${1:-} in
  --recipe-dir) recipe_dir=$2 && shift 2 ;; # called by a recipe
  --list) PYTHONPATH=${root:?} exec python3 "${root:?}/utils/list_recipes.py" "${@:2}" ;;
  -* | "") exec "${root:?}/egs/mini/run.sh" "$@" ;;
  *)
    [ -f "$root/egs/$1/run.sh" ] || { echo "$0: no recipe '$1' in $root/egs" >&2 && exit 2; }
    exec "$root/egs/$1/run.sh" "${@:2}"
    ;;
esac
