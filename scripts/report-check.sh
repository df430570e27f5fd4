#!/usr/bin/env bash
# Opens report pages in a real headless Chromium: nothing on the console or the network, slider, play, click, keys,
# saving, no script, dark, phone, print, hostile names, a run of 100,000 steps and 500 matrices; axe-core's rules for
# accessibility. Trains a short run when models/minilm is there. `report-check.sh [SCREENSHOTS [RUN…]]`: screenshots of
# all pages go to that folder, and the given runs are looked at too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

shots="${1:-}"
[[ $# -gt 0 ]] && shift

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
    run=()
    [[ $(id -u) -eq 0 ]] || run=(sudo)
    echo "installing chromium"
    "${run[@]}" apt-get update -qq
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium chromium-driver fonts-liberation >/dev/null
fi
venv="${ADALORA_REPORT_VENV:-.build-report/venv}"
if ! "$venv/bin/python" -c "import selenium, axe_core_python" 2>/dev/null; then
    echo "installing selenium and axe-core into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check selenium==4.51.0 axe-core-python==0.1.0
fi
scripts/install-dependencies.sh
# SwiftPM compiles some packages anew for the program alone; whoever has just built the tests need not wait for that.
[[ -n ${ADALORA_BUILT:-} ]] || swift build -c release --product adalora --explicit-target-dependency-import-check error
adalora="$PWD/.build/release/adalora"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 scripts/report/make_runs.py "$work/made"
if [[ -s models/minilm/model.safetensors && -s data/wordnet/train.jsonl ]]; then
    head -n 320 data/wordnet/train.jsonl >"$work/train.jsonl"
    head -n 64 data/wordnet/validation.jsonl >"$work/validation.jsonl"
    "$adalora" train --model models/minilm --train "$work/train.jsonl" --validation "$work/validation.jsonl" \
        --average-rank 1 --steps 30 --evaluate-every 10 --output "$work/made/trained" >/dev/null 2>&1
fi
"$venv/bin/python" scripts/report/check.py "$adalora" "$work" "$shots" "$@"
