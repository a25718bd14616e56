# Sourced by utils/recipe.sh: the queue of a stage. What a scheduler would get is what utils/run.py gets.
# shellcheck shell=bash

queue=()
kept=()   # its options that leave the queue on disk
launcher= # the process that runs it
dry=()
[ "${dry_run:?}" = false ] || dry=(--dry-run)

job() { # job [--gpu N] [--nodes N] [--shares N] [--renew] [--resumes] COMMAND... OUT: into the queue; OUT/ is a folder
  local line='{' word
  while [[ $1 == --* ]]; do
    case $1 in
      # if it was done otherwise, do it again, and do not stop; go on from OUT/last.pt after a time limit
      --renew | --resumes) line+="\"${1#--}\": true, " && shift ;;
      *) line+="\"${1#--}\": $2, " && shift 2 ;;
    esac
  done
  line+='"words": ['
  for word in "$@"; do
    word=${word//\\/\\\\}
    word=${word//\"/\\\"}
    line+="\"${word//$'\n'/\\n}\", "
  done
  queue+=("${line%, }]}")
}

array_job() { # array_job N [--gpu N] COMMAND... OUT: one command of N shares, each with its own --share
  job --shares "${@:1:$#-1}" --share "{job}/{jobs}" "${!#}"
}

run_jobs() { # run_jobs [N]: what is queued, side by side; on the CPU, N at a time
  [ "${#queue[@]}" -gt 0 ] || return 0
  python "${root:?}/utils/run.py" --queue "${kept[@]}" "${dry[@]}" --parent "$$" --slots "${1:-${nj:?}}" <<<"$(printf '%s\n' "${queue[@]}")" &
  launcher=$!
  queue=()
  wait "$launcher" # which a signal interrupts
  launcher=
}

end() { # end SIGNAL: the launcher with its jobs, then this shell
  trap '' INT TERM HUP
  launcher=${launcher:-$(jobs -p)} # which may be so young that it is not noted yet
  [ -z "$launcher" ] || kill -TERM "$launcher" 2>/dev/null || true
  wait || true
  trap - "$1"
  kill "-$1" "$$"
}
trap 'end INT' INT
trap 'end TERM' TERM
trap 'end HUP' HUP
