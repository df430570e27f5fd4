#!/usr/bin/env bash
# Compares swift-adalora with PyTorch + PEFT on this machine: speed, memory, start, and with --quality the scores.
# Installs what is missing: a virtual environment in .build-peer/venv (about 1.5 GB), tcmalloc, the model, the data.
# `scripts/compare-peft.sh --help` lists the options. ADALORA_PEER_VENV names an existing environment with torch,
# transformers, peft, safetensors, tokenizers. Leave the machine alone while it runs (about 10 minutes).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "compare-peft: $*" >&2
    exit 1
}

find_tcmalloc() {
    ldconfig -p | sed -n 's/.*libtcmalloc_minimal\.so\.4 .*=> //p' | head -n 1
}

install_tcmalloc() {
    if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
        echo "installing libtcmalloc-minimal4"
        {
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libtcmalloc-minimal4
        } >/dev/null || echo "compare-peft: tcmalloc could not be installed" >&2
    else
        echo "compare-peft: tcmalloc is missing (apt-get install libtcmalloc-minimal4)" >&2
    fi
}

venv="$(scripts/peer/install.sh)"
for argument in "$@"; do
    # Asked first: help needs no build, but the environment that parses it.
    if [[ $argument == --help || $argument == -h ]]; then
        exec "$venv/bin/python" scripts/peer/compare.py --help
    fi
done

scripts/install-dependencies.sh
command -v swift >/dev/null || fail "swift is not installed; see https://www.swift.org/install/linux/"
swift build -c release --product PeerSteps
[[ -s models/minilm/model.safetensors ]] || scripts/fetch-minilm.sh
[[ -s data/wordnet/train.jsonl && -s data/wordnet/validation.jsonl ]] || python3 scripts/make-wordnet.py data/wordnet
[[ -n $(find_tcmalloc) ]] || install_tcmalloc
tcmalloc="$(find_tcmalloc)"

exec "$venv/bin/python" scripts/peer/compare.py ${tcmalloc:+--tcmalloc "$tcmalloc"} "$@"
