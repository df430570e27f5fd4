#!/usr/bin/env bash
# Packages the program for people who have no Swift:
#
#   scripts/package.sh wheel [FOLDER]    adalora-VERSION-py3-none-manylinux_2_36_x86_64.whl, for pip
#   scripts/package.sh deb [FOLDER]      adalora_VERSION_amd64.deb, for Debian 12
#
# FOLDER is dist unless told otherwise. The objects of `swift build -c release` are linked once more, with Swift's runtime in
# the program; with ADALORA_BUILT set, those that are there. Runs on Debian 12, whose libraries go into the wheel.
# scripts/package-check.sh installs what comes out in a bare system and uses it there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
usage() {
    sed -n '2,9s/^# \{0,1\}//p' scripts/package.sh >&2
    exit 64
}
[[ $# -ge 1 && $# -le 2 ]] || usage
kind="$1" folder="${2:-dist}"
case "$kind" in wheel | deb) ;; *) usage ;; esac

fail() {
    echo "package.sh: $*" >&2
    exit 1
}

. /etc/os-release
[[ $ID-${VERSION_ID:-} = debian-12 ]] || fail "packages are made on Debian 12, whose libraries go into them; this is $PRETTY_NAME"
[[ $(uname -m) = x86_64 ]] || fail "packages are made on x86-64; this is $(uname -m), where swift build works"
scripts/install-dependencies.sh
# man reads the man pages for mistakes.
needed=()
command -v man >/dev/null || needed+=(man-db)
[[ $kind != deb ]] || command -v dpkg-shlibdeps >/dev/null || needed+=(dpkg-dev)
if [[ ${#needed[@]} -gt 0 ]]; then
    run=()
    [[ $(id -u) -eq 0 ]] || run=(sudo)
    "${run[@]}" apt-get update -qq
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${needed[@]}" >/dev/null
fi
[[ -n ${ADALORA_BUILT:-} ]] || swift build -c release --product adalora --explicit-target-dependency-import-check error

# Times in packages: of the commit, or of the changelog where there is none.
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}"
export SOURCE_DATE_EPOCH
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder"
scripts/package/link.sh "$kind" "$work/adalora"
ADALORA_VERSION="$("$work/adalora" --version | awk 'NR == 1 { print $2 }')"
export ADALORA_VERSION
scripts/package/extras.sh "$work/adalora" "$work/extras"
scripts/package/licenses.sh "$kind" "$work/licenses"
scripts/package/"$kind".sh "$work" "$folder"
