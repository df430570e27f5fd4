#!/usr/bin/env bash
# A small CLIP (texts: 3 layers of width 64; images: 4 layers of width 64, 36 patches of 8 × 8) that knows drawn shapes by their descriptions,
# trained here from nothing on 4,000 pairs: what is adapted to outlines and to other words (make-shapes.py). About two minutes, the data
# not counted.
#
#   scripts/train-shapes.sh       makes data/shapes and models/shapes-clip, what is missing of them
#   ADALORA=BINARY …              takes that program instead of .build/release/adalora
set -euo pipefail
cd "$(dirname "$0")/.."
adalora="${ADALORA:-.build/release/adalora}"

if [ ! -d data/shapes/untrained ]; then
    python3 -c 'import PIL' 2>/dev/null || python3 -m pip install -q pillow
    python3 scripts/make-shapes.py data/shapes
fi
[ -s models/shapes-clip/model.safetensors ] && exit 0

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp -r data/shapes/untrained "$work/untrained"
"$adalora" init "$work/untrained" --seed 42
"$adalora" train --task image-text --model "$work/untrained" --method full --train data/shapes/filled/train.csv \
    --validation data/shapes/filled/validation.csv --epochs 30 --batch-size 64 --learning-rate 1e-3 --output "$work/run"
"$adalora" evaluate "$work/run" --data data/shapes/filled/test.csv
mkdir -p models
rm -rf models/shapes-clip
cp -r "$work/run/model" models/shapes-clip
