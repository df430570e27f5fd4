#!/usr/bin/env bash
# Prints the virtual environment with PyTorch, transformers, PEFT and TensorBoard that compare-peft.sh and interop.sh
# use, and makes it where it is missing: .build-peer/venv (about 1.5 GB). ADALORA_PEER_VENV names an existing one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

packages=("torch==2.13.0+cpu" "transformers==5.24.0" "peft==0.21.2" safetensors tokenizers numpy tensorboard)
venv="${ADALORA_PEER_VENV:-.build-peer/venv}"

fail() {
    echo "peer/install: $*" >&2
    exit 1
}

if ! "$venv/bin/python" -c 'import numpy, peft, safetensors, tensorboard, tokenizers, torch, transformers' 2>/dev/null; then
    [[ -z ${ADALORA_PEER_VENV:-} ]] || fail "$venv lacks torch, transformers, peft, safetensors, tokenizers, tensorboard or numpy"
    echo "installing PyTorch and PEFT into $venv" >&2
    python3 -m venv "$venv" || fail "no virtual environment; install python3-venv"
    # Where PyPI is the index, the CPU builds are on PyTorch's own.
    "$venv/bin/pip" install --quiet "${packages[@]}" >&2 2>/dev/null ||
        "$venv/bin/pip" install --quiet --extra-index-url https://download.pytorch.org/whl/cpu "${packages[@]}" >&2 ||
        fail "pip could not install ${packages[*]}; make an environment yourself and set ADALORA_PEER_VENV"
fi
"$venv/bin/python" - "${packages[@]}" >&2 <<'PYTHON'
import sys
from importlib.metadata import version

for pin in sys.argv[1:]:
    name, _, wanted = pin.partition("==")
    if wanted and version(name) != wanted:
        print(f"note: {name} {version(name)}, checked so far with {wanted}")
PYTHON
echo "$venv"
