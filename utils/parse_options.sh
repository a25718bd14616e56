# Sourced by a script right below its option lines, each `name=value  # why`:
#   . "$root/utils/parse_options.sh"
# --name VALUE or --name=VALUE sets one of them; one that is `false` by default may stand alone and is
# `true` then. An unknown option stops the script, with the nearest known one; --help prints those very
# lines. Nothing is evaluated: a value stays text.

options_script=${BASH_SOURCE[-1]}

option_lines() {
  sed -n '/^# options$/,/^\. /p' "$options_script" | grep -E '^[a-z_]+='
}

option_help() {
  sed -n '2,/^[^#]/{/^# shellcheck/d; s/^# \{0,1\}//p}' "$options_script"
  printf '\nOptions (--name VALUE), with their defaults:\n'
  option_lines | sed -e ':again' -e 's/^\([a-z-]*\)_/\1-/; t again' -e 's/^/  --/'
}

nearest_option() { # the known option that shares the longest beginning with $1
  local wanted=$1 name length=${#1}
  while [ "$length" -gt 0 ]; do
    for name in $option_names; do
      [[ $name == "${wanted:0:length}"* ]] && printf ', did you mean --%s?' "${name//_/-}" && return
    done
    length=$((length - 1))
  done
}

is_switch() { # whether --name is `false` by default
  local name=${1#--}
  option_lines | grep -q "^${name//-/_}=false "
}

option_names=$(option_lines | sed 's/=.*//')
# shellcheck disable=SC2034 # for a script that calls itself
options_given=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      option_help
      exit 0
      ;;
    --*=*)
      option=${1%%=*} value=${1#*=}
      shift
      ;;
    --*)
      option=$1 value=${2-}
      if [[ $# -lt 2 || $value == --* ]] && is_switch "$option"; then
        set -- "$option" true "${@:2}"
        continue
      fi
      [ $# -ge 2 ] || { echo "$0: $1 needs a value" >&2 && exit 2; }
      shift 2
      ;;
    *)
      echo "$0: '$1' is not an option; options are --name VALUE, see --help" >&2
      exit 2
      ;;
  esac
  option=${option#--} option=${option//-/_}
  if ! grep -qxF -- "$option" <<<"$option_names"; then
    echo "$0: no option --${option//_/-}$(nearest_option "$option"); see --help" >&2
    exit 2
  fi
  printf -v "$option" %s "$value"
done
unset option value
