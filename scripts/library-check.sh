#!/usr/bin/env bash
# The Swift library as others see it: its documentation without a warning, its public symbols against the committed list, the code
# of the tutorials against the example package, and that package built and run.
#
#   scripts/library-check.sh             all of it
#   scripts/library-check.sh --update    writes docs/public-api.txt anew, where the public surface is meant to change
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/install-dependencies.sh
# Whoever has just built the tests has the library too.
[[ -n ${ADALORA_BUILT:-} ]] || swift build -c release --target AdaLoRA --explicit-target-dependency-import-check error

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# The frontend of this toolchain reads the module as it was built, with the C modules behind it.
modules=(-I .build/release/Modules)
for map in Sources/*/module.modulemap Sources/*/include/module.modulemap .build/checkouts/*/Sources/*/include/module.modulemap \
    .build/release/*.build/module.modulemap; do
    [[ -f $map ]] && modules+=(-Xcc "-fmodule-map-file=$map")
done
for headers in Sources/*/include .build/checkouts/*/Sources/*/include; do modules+=(-Xcc -I -Xcc "$headers"); done
mkdir "$work/symbols"
swift symbolgraph-extract -module-name AdaLoRA -target "$(swiftc -print-target-info | python3 -c \
    'import json, sys; print(json.load(sys.stdin)["target"]["triple"])')" "${modules[@]}" \
    -minimum-access-level public -skip-synthesized-members -output-dir "$work/symbols"

echo "== public symbols"
python3 scripts/library/public-api.py "$work/symbols/AdaLoRA.symbols.json" docs/public-api.txt "${1:-}"

echo "== documentation"
docc convert Sources/AdaLoRALibrary/AdaLoRA.docc --additional-symbol-graph-dir "$work/symbols" \
    --fallback-display-name AdaLoRA --fallback-bundle-identifier adalora.AdaLoRA --warnings-as-errors \
    --output-dir "${ADALORA_DOCUMENTATION:-$work/documentation}"

echo "== code of the articles"
python3 scripts/library/article-code.py Examples/Sources Sources/AdaLoRALibrary/AdaLoRA.docc/*.md docs/swift-library.md

echo "== examples"
scripts/fetch-minilm.sh
# The checkout's own objects are used again, and this package's manifest leaves no trace in its list of dependencies.
swift build -c release --package-path Examples --scratch-path .build
run() {
    local name="$1"
    shift
    echo "-- $name"
    ".build/release/$name" "$@" | tee "$work/$name.log"
}
run FirstRun models/minilm "$work/first"
grep -q '^good (.*): What a lovely evening' "$work/FirstRun.log"
grep -q '^bad (.*): A dull and tiring' "$work/FirstRun.log"
run OwnLoop models/minilm "$work/own-loop"
grep -q '^mean absolute error 0\.' "$work/OwnLoop.log"
run Chat Tests/Goldens/llama/model "$work/chat"
grep -q 'triplets are left$' "$work/Chat.log"
echo "the library is as documented"
