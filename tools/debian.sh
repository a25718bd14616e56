#!/usr/bin/env bash
# Debian packages for the recipes: says what it does, and nothing where nothing is to do.
#
#   tools/debian.sh festival flite           programs: installed by apt-get, as root or through
#                                            sudo; else fetched and unpacked below the cache
#   tools/debian.sh --data festvox-ru        data: always unpacked below the cache, without root
#   tools/debian.sh --print festival flite   ... then a table on stdout: package version folder
#                                            (/ for what the system has)
#   tools/debian.sh --look festival flite    that table without the work (- for what is not there)
#
# What cannot be had is named in one line, the rest is done, and the exit status is 1.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/antispoof # --cache DIR: downloads, unpacked packages
data=false                                              # --data: only files, no programs
root=true                                               # --no-root: never install in the system
print=false                                             # --print: the table, after the work
look=false                                              # --look: the table, without the work

say() { echo "tools/debian.sh: $*" >&2; }

fail() { say "$@" && exit 1; }

# The version of an installed package; fails for others.
installed() {
  dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^installed //p' |
    grep -m 1 .
}

# The newest whole folder of an unpacked data package; its name says the version.
unpacked() {
  find -H "$store" -maxdepth 1 -type d -name "$1_*" | sort -V | grep . | tail -n 1
}

# Fill `candidate` {package: version} with what apt would install, in one call: where apt cannot
# keep its cache, every call costs a second.
look_up() {
  candidate=()
  local package version
  while read -r package version; do
    candidate[$package]=$version
  done < <(apt-cache "${apt[@]}" policy "$@" 2>/dev/null | awk '
    /^[^ ].*:$/ {package = substr($1, 1, length($1) - 1)}
    $1 == "Candidate:" && $2 != "(none)" {print package, $2}')
}

known() {
  local package
  for package in "$@"; do [[ -v candidate[$package] ]] || return 1; done
}

# Run a command as root; fails where that needs a password.
as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n env DEBIAN_FRONTEND=noninteractive "$@"; fi
}

may_install() { $root && as_root true 2>/dev/null; }

# Up to three times, as mirrors and networks stumble; the log is shown when all fail.
try() {
  local attempt log=$store/.log
  for attempt in 1 2 3; do
    if "$@" >"$log" 2>&1; then
      rm -f "$log"
      return 0
    fi
    sleep $((attempt * 2))
  done
  grep -E '^(E|W|dpkg)' "$log" | tail -n 3 >&2 || tail -n 3 "$log" >&2
  rm -f "$log"
  return 1
}

# Set `apt` to options under which apt knows the packages, fetching the lists where it must.
# Where the system's lists cannot be written, the cache has its own.
choose_lists() {
  apt=(-o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 -o "APT::Sandbox::User=$(id -un)")
  look_up "$@"
  if known "$@"; then return; fi
  if ! may_install; then
    local lists=$store/.apt-$system
    mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
    apt+=(-o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists/cache")
  fi
  look_up "$@"
  known "$@" || update "$@"
}

update() { # at most once a run
  ! $updated || return 0
  updated=true
  say "fetches the package lists"
  if may_install; then
    try as_root apt-get update || true
  elif [[ ${apt[*]} == *Dir::State* ]]; then
    try apt-get "${apt[@]}" update || true
  fi
  look_up "$@"
}

# Fetch NAME=VERSION... and unpack them into the new folder FOLDER, whole or not at all.
fetch() {
  local folder=$1 work status=0
  shift
  work=$(mktemp -d "$store/.tmp.XXXXXX")
  (cd "$work" && try apt-get "${apt[@]}" download "$@" && unpack ./*.deb &&
    settle "$work/root" "$folder" && mv -T "$work/root" "$folder") || status=1
  rm -rf "$work"
  return $status
}

unpack() {
  mkdir root && for deb in "$@"; do dpkg-deb -x "$deb" root || return 1; done
}

# Festival's files name the folder where the system would have them: let them name FOLDER.
settle() {
  local root=$1 place=${2//&/\\&}/usr/share/festival
  chmod 755 "$root" || return 1
  [[ -d $root/usr/share/festival ]] || return 0
  { grep -rlZ --include='*.scm' /usr/share/festival "$root/usr/share/festival" || true; } |
    xargs -0r sed -i "s|/usr/share/festival|$place|g"
}

# Data packages: each in a folder named by its version.
get_data() {
  local package version
  for package in "$@"; do
    version=${candidate[$package]-}
    say "fetches $package $version"
    fetch "$store/${package}_${version//:/%3a}" "$package=$version" || failed+=("$package")
  done
}

# Programs, without root: with what of their dependencies the system lacks, in one tree whose name
# is drawn from all their versions. Sets `tree`.
get_programs() {
  local plan
  plan=$(apt-get "${apt[@]}" install -s --no-install-recommends "$@" |
    sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\?(\([^ ]*\) .*/\1=\3/p' | sort)
  [[ -n $plan ]] || return 1
  tree=$store/programs_${system}_$(sha256sum <<<"$plan" | cut -c 1-12)
  [[ ! -d $tree ]] || return 0
  say "fetches and unpacks, for want of root: ${plan//$'\n'/ }"
  # shellcheck disable=SC2086 # a list of words
  fetch "$tree" $plan
}

# Print `package version folder` of each package that is there; with --look also of those that
# would be fetched.
print_table() {
  local package folder version
  for package in "$@"; do
    folder='' version=''
    if $data; then
      if folder=$(unpacked "$package"); then version=${folder##*_}; fi
    elif version=$(installed "$package"); then
      folder=/
    elif [[ -n $tree && " ${failed[*]} " != *" $package "* ]]; then
      folder=$tree version=${candidate[$package]}
    fi
    if [[ -z $folder ]] && $look && known "$package"; then
      folder=- version=${candidate[$package]}
    fi
    [[ -z $folder ]] || echo "$package ${version//%3a/:} $folder"
  done
}

parse() {
  while (($#)); do
    case $1 in
      --cache)
        (($# > 1)) || fail "--cache needs a folder"
        cache=$2
        shift
        ;;
      --data) data=true ;;
      --no-root) root=false ;;
      --print) print=true ;;
      --look) look=true ;;
      -h | --help)
        sed -n '2,/^set/{s/^# \?//p}' "$0"
        exit
        ;;
      -*) fail "unknown option $1; see --help" ;;
      *) packages+=("$1") ;;
    esac
    shift
  done
  ((${#packages[@]})) || fail "which packages? see --help"
  [[ $cache = /* ]] || cache=$PWD/$cache
}

# Those of the packages that are not there yet, one per line.
missing() {
  local package
  for package in "$@"; do
    if $data; then unpacked "$package"; else installed "$package"; fi >/dev/null || echo "$package"
  done
}

get() {
  local wanted=() package
  for package in "$@"; do
    if known "$package"; then wanted+=("$package"); else failed+=("$package"); fi
  done
  ((${#wanted[@]})) || return 0
  if $data; then
    get_data "${wanted[@]}"
  elif may_install; then
    say "installs ${wanted[*]}"
    try as_root apt-get "${apt[@]}" install -y -q --no-install-recommends "${wanted[@]}" ||
      failed+=("${wanted[@]}")
  else
    get_programs "${wanted[@]}" || failed+=("${wanted[@]}")
  fi
}

declare -A candidate=()
packages=() failed=() apt=() tree='' updated=false
parse "$@"
store=$cache/debian
mkdir -p "$store"
mapfile -t todo < <(missing "${packages[@]}")
if ((${#todo[@]})); then
  command -v apt-get >/dev/null || fail "no apt-get here; install by hand: ${todo[*]}"
  # shellcheck source=/dev/null
  system=$(. /etc/os-release && echo "${ID:-debian}${VERSION_ID:-}-$(dpkg --print-architecture)")
  exec 9>"$store/.lock"
  if ! flock -n 9; then
    say "waits for another run that fetches into $store"
    flock 9
    mapfile -t todo < <(missing "${packages[@]}")
  fi
  rm -rf "$store"/.tmp.* # of runs that were killed
  ((${#todo[@]} == 0)) || choose_lists "${todo[@]}"
  ((${#todo[@]} == 0)) || $look || get "${todo[@]}"
  if ((${#failed[@]})) && ! $updated; then # a list that is out of date names versions that are gone
    todo=("${failed[@]}") failed=()
    update "${todo[@]}"
    get "${todo[@]}"
  fi
fi
if $print || $look; then print_table "${packages[@]}"; fi
if ((${#failed[@]})); then
  fail "cannot get ${failed[*]}: unknown to apt here, or no network; install by hand: ${failed[*]}"
fi
