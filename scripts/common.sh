# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Shared by the scripts of this folder; sourced, never run. Sets root (of the source tree), and goes there.

script=$(realpath "$0")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=scripts/$(basename "$script")
PATH=$PATH:/usr/sbin:/sbin # bpftool, ip and nft live there, an ordinary user's PATH does not have it
export PYTHONDONTWRITEBYTECODE=1
cd "$root" || exit 1

# Debian's own Python, with Debian's modules, whatever python3 comes first in PATH.
# shellcheck disable=SC2034 # used by the scripts
python=/usr/bin/python3

say() { printf '%s\n' "$*"; }

# die MESSAGE [STATUS]: 1 failed, 2 wrong use, 3 not permitted or a tool is missing
die() {
  printf '%s: %s\n' "$me" "$1" >&2
  exit "${2:-1}"
}

# usage_from_header: prints the calling script's opening comment, without the licence line
usage_from_header() {
  sed -n '/^# SPDX/d; 2,/^[^#]/{ s/^# \{0,1\}//p; }' "$script"
}

need_debian_12() {
  local id='' version=''
  if [[ -r /etc/os-release ]]; then
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    # shellcheck source=/dev/null
    version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  fi
  if [[ $id != debian || $version != 12 ]]; then
    die "not Debian 12 but ${id:-unknown} ${version:-}: install the like of what 'scripts/setup --list' prints by hand" 2
  fi
}

# as_caller COMMAND...: runs it as the person who called sudo, so that the files it makes are theirs; without sudo, or
# where that person may not write in this tree, as the current user.
as_caller() {
  if is_for_caller; then
    local home
    # shellcheck disable=SC2153 # SUDO_UID is sudo's
    home=$(getent passwd "$SUDO_UID" | cut -d: -f6)
    setpriv --reuid "$SUDO_UID" --regid "$SUDO_GID" --init-groups -- \
      env HOME="${home:-/}" USER="${SUDO_USER:-}" LOGNAME="${SUDO_USER:-}" "$@"
  else
    "$@"
  fi
}

is_for_caller() {
  if [[ -z ${caller_decided:-} ]]; then
    caller_decided=no
    if ((EUID == 0)) && [[ ${SUDO_UID:-0} != 0 && -n ${SUDO_GID:-} ]] &&
      setpriv --reuid "$SUDO_UID" --regid "$SUDO_GID" --init-groups -- test -w "$root"; then
      caller_decided=yes
    fi
  fi
  [[ $caller_decided == yes ]]
}

# give_back PATH...: what root has left in these folders of the tree goes to the caller too
give_back() {
  local path
  is_for_caller || return 0
  for path in "$@"; do
    [[ -e $path ]] || continue
    find "$path" -xdev ! -uid "$SUDO_UID" -exec chown -h "$SUDO_UID:$SUDO_GID" {} +
  done
}

declare -A build_size=(
  [demo]="about 3 minutes on 2 processors, 30 MB"
  [release]="4 to 8 minutes on 2 processors, about 300 MB"
  [fuzz]="about 4 minutes on 2 processors, 300 MB"
)

# build_preset NAME [TARGET...]: configures and builds that preset in build/NAME; without a target, all of it.
build_preset() {
  local preset=$1 log started=$SECONDS quiet=() targets=()
  shift
  (($# == 0)) || targets=(--target "$@")
  [[ -t 1 ]] || quiet=(-- --quiet) # a terminal gets ninja's one line of progress
  [[ -d build/$preset ]] || say "building in build/$preset: ${build_size[$preset]}"
  give_back build
  log=$(as_caller cmake --preset "$preset" 2>&1) || {
    printf '%s\n' "$log" >&2
    die "cmake could not configure build/$preset"
  }
  as_caller cmake --build --preset "$preset" "${targets[@]}" "${quiet[@]}" || die "the build failed"
  say "built build/$preset/tcpdiag in $((SECONDS - started)) s"
}
