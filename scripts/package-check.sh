#!/usr/bin/env bash
# Installs a package in a bare Debian 12, without Swift or a compiler, and does the README's job there to the end:
#
#   scripts/package-check.sh wheel|deb [FOLDER]     FOLDER has the package, dist unless told otherwise
#
# The bare system is made once by mmdebstrap, into ADALORA_BARE_SYSTEM (default ~/.cache/adalora-bare-system), and copied for
# each check. Needs root, or sudo. The wheel is installed and used without any network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ $# -ge 1 && $# -le 2 && $1 =~ ^(wheel|deb)$ ]] || { sed -n '2,7s/^# \{0,1\}//p' scripts/package-check.sh >&2; exit 64; }
kind="$1" folder="${2:-dist}"
[[ $(id -u) -eq 0 ]] || exec sudo --preserve-env=ADALORA_BARE_SYSTEM,HOME "$0" "$@"

fail() {
    echo "package-check.sh: $*" >&2
    exit 1
}
install_tools() {
    local missing=()
    for tool in "$@"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    [[ ${#missing[@]} -eq 0 ]] && return
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
}

shopt -s nullglob
case "$kind" in
wheel) packages=("$folder"/adalora-*.whl) ;;
deb) packages=("$folder"/adalora_*.deb) ;;
esac
[[ ${#packages[@]} -eq 1 ]] || fail "$folder holds ${#packages[@]} such packages; one is needed (scripts/package.sh $kind)"
scripts/fetch-minilm.sh
[[ -s data/wordnet/test.jsonl ]] || python3 scripts/make-wordnet.py data/wordnet

bare="${ADALORA_BARE_SYSTEM:-${HOME:-/root}/.cache/adalora-bare-system}"
if [[ ! -s $bare/bookworm.tar ]]; then
    install_tools mmdebstrap
    mkdir -p "$bare"
    mmdebstrap --quiet --variant=minbase --include=python3-venv --dpkgopt=force-unsafe-io \
        bookworm "$bare/bookworm.tar.part.tar" http://deb.debian.org/debian
    mv "$bare/bookworm.tar.part.tar" "$bare/bookworm.tar"
fi

work="$(mktemp -d)"
trap 'rm -rf --one-file-system "$work"' EXIT
root="$work/root"
mkdir "$root"
tar -x -C "$root" -f "$bare/bookworm.tar"
mkdir "$root/work"
cp "${packages[0]}" "$root/work/"
cp -rL models/minilm "$root/work/minilm"
head -n 320 data/wordnet/train.jsonl >"$root/work/train.jsonl"
head -n 48 data/wordnet/validation.jsonl >"$root/work/validation.jsonl"
head -n 48 data/wordnet/test.jsonl >"$root/work/test.jsonl"
cp scripts/package/check/*.sh "$root/work/"
# A BLAS that says it runs slow kernels, as OpenBLAS does on CPUs that are younger than it.
echo 'const char *openblas_get_corename(void) { return "Prescott"; }' >"$work/slow.c"
"$(command -v cc || command -v clang)" -shared -fPIC -o "$root/work/slow.so" "$work/slow.c"

# bare ARGUMENTS… -- COMMAND: in the bare system, with a /proc and a /dev/shm of its own.
bare() {
    local options=()
    while [[ $1 != -- ]]; do options+=("$1"); shift; done
    shift
    unshare --mount --pid --fork "${options[@]}" bash -c '
        mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/dev/shm"
        root="$1"; shift
        exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"' bash "$root" "$@"
}
if [[ $kind = deb ]]; then
    install_tools lintian
    lintian --allow-root --fail-on error --tag-display-limit 0 "${packages[0]}"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    bare -- sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /work/adalora_*.deb' \
        >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
fi
bare --net -- bash "/work/$kind.sh"
echo "$kind: installed and used in a bare Debian 12"
