#!/usr/bin/env bash
# From a clone to a fine-tuned model: installs what is missing, builds, fetches MiniLM-L6, makes the WordNet
# gloss → supersense data, trains under a rank budget, and shows which layer got how much rank.
# About 5 minutes on 2 idle cores, most of it the build and the training; nothing is downloaded twice.
#
# With --chat it fine-tunes a language model, a GGUF of 4 bits as llama.cpp runs it: SmolLM2-135M-Instruct learns to be a
# dictionary, and the adapter comes out as a LoRA for llama.cpp. About 11 minutes on 2 idle cores.
#
# With --mpi it installs Open MPI, builds with it into .build-mpi, and trains in one process and in two, to the same bits.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
"" | --chat | --mpi) ;;
*)
    echo "usage: scripts/quickstart.sh [--chat | --mpi]" >&2
    exit 64
    ;;
esac

step() { printf '\n== %s\n' "$1"; }

step "Dependencies"
command -v swift >/dev/null || {
    echo "error: swift is not installed; get Swift 6.1 or later from https://www.swift.org/install/linux/" >&2
    exit 1
}
build=(.build)
if [ "${1:-}" = --mpi ]; then
    scripts/install-dependencies.sh --mpi
    # Beside the usual build, which a change of traits would have made anew.
    build=(.build-mpi --traits MPI)
else
    scripts/install-dependencies.sh
fi

step "Build"
swift build -c release --product adalora --explicit-target-dependency-import-check error --scratch-path "${build[@]}"
adalora=${build[0]}/release/adalora
"$adalora" doctor

if [ "${1:-}" = --chat ]; then
    . scripts/quickstart/chat.sh
    exit
fi

step "Model"
scripts/fetch-minilm.sh

step "Data"
data=data/wordnet
if [ -s $data/train.jsonl ] && [ -s $data/validation.jsonl ] && [ -s $data/test.jsonl ]; then
    echo "$data is there already"
else
    python3 scripts/make-wordnet.py $data
fi

if [ "${1:-}" = --mpi ]; then
    . scripts/quickstart/mpi.sh
    exit
fi

step "Train: 72 triplets for 36 matrices (average rank 2), 3 epochs"
run=runs/quickstart
[ -e $run ] && run=runs/quickstart-$(date +%Y%m%d-%H%M%S)
"$adalora" train --model models/minilm --train $data/train.jsonl --validation $data/validation.jsonl \
    --budget 72 --output "$run"

step "Test"
"$adalora" evaluate "$run" --data $data/test.jsonl

step "How the rank moved"
"$adalora" ranks "$run" --history

cat <<TEXT

Next:
  $adalora ranks $run                       the table again; --at STEP, --format csv|json
  echo '{"text": "a small domesticated feline"}' | $adalora predict $run --top 3
  $adalora train --help                     every setting; --budget 36 halves the adapter
  $adalora train --method lora --average-rank 2 …   fixed rank, for comparison
  your own data: JSONL, TSV or CSV with a text and a label column
The adapter is in $run/adapter, in PEFT's layout.
TEXT
