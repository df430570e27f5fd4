#!/usr/bin/env bash
# Whether two builds of adalora train the same bits: compare-bits.sh OLD NEW, two programs. Trains tiny models of every encoder
# of Tests/Goldens by many settings with each, and compares weights and ranks. For changes that must not change numbers; a
# build of before is `git worktree add /tmp/before COMMIT` and `swift build -c release --product adalora` there.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: scripts/compare-bits.sh OLD NEW" >&2; exit 64; }
old=$(realpath "$1") new=$(realpath "$2")
goldens=$(realpath "$(dirname "$0")/../Tests/Goldens")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 - "$goldens" <<'PY'
import json, random, shutil, sys
from pathlib import Path

goldens = Path(sys.argv[1])
words = "the a film book song is was very not good bad great dull and of to it".split()
random.seed(3)
for count, name in [(60, "train.jsonl"), (20, "validation.jsonl")]:
    rows = ({"text": " ".join(random.choices(words, k=random.randint(3, 14))), "label": random.choice(["yes", "no"])}
            for _ in range(count))
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))

shutil.copytree(goldens / "bert/model", "bert")
shutil.copy(goldens / "runs/model/vocab.txt", "bert")

# The other goldens have no tokenizer of their own: one of whole words stands in.
special = {"[CLS]": 0, "[PAD]": 1, "[SEP]": 2, "[UNK]": 3}
vocabulary = special | {word: len(special) + at for at, word in enumerate(words)}
piece = lambda name, kind: {"SpecialToken": {"id": name, "type_id": kind}}
tokenizer = {
    "version": "1.0", "truncation": None, "padding": None, "decoder": None,
    "added_tokens": [{"id": at, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
                      "normalized": False, "special": True} for name, at in special.items()],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                   "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [piece("[CLS]", 0), {"Sequence": {"id": "A", "type_id": 0}}, piece("[SEP]", 0)],
        "pair": [piece("[CLS]", 0), {"Sequence": {"id": "A", "type_id": 0}}, piece("[SEP]", 0),
                 {"Sequence": {"id": "B", "type_id": 1}}, piece("[SEP]", 1)],
        "special_tokens": {name: {"id": name, "ids": [special[name]], "tokens": [name]} for name in ["[CLS]", "[SEP]"]}},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": vocabulary},
}
for model in sorted((goldens / "encoders").glob("*/model")):
    target = Path(model.parent.name)
    shutil.copytree(model, target)
    (target / "tokenizer.json").write_text(json.dumps(tokenizer))
    (target / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
PY

differing=0
compare() {  # model, then settings
  local model=$1 sums=(); shift
  for program in "$old" "$new"; do
    rm -rf run
    "$program" train --model "$model" --train train.jsonl --validation validation.jsonl --steps 20 --max-length 24 \
      --batch-size 8 --threads 2 --output run "$@" > log 2>&1 || { tail -1 log >&2; exit 1; }
    sums+=("$(find run -path run/checkpoints -prune -o \( -name '*.safetensors' -o -name ranks.csv \) -print | sort \
      | xargs cat | sha256sum)")
  done
  if [ "${sums[0]}" = "${sums[1]}" ]; then echo "same       $model $*"; else
    echo "DIFFERENT  $model $*"; differing=1; fi
}
for settings in "--budget 12" "--budget 12 --orthogonality squared" "--method lora --budget 12" "--method dora --budget 12" \
  "--method head" "--method full" "--budget 12 --allocator exchange --allocate-every 2" \
  "--budget 12 --initialize activation-svd" "--budget-parameters 900" "--budget 12 --recompute layers" \
  "--budget 12 --pooling mean" "--budget 12 --targets query,value"; do
  # shellcheck disable=SC2086  # several settings
  compare bert $settings
done
for config in */config.json; do
  model=${config%/*}
  [ "$model" != bert ] || continue
  compare "$model" --budget 12
  compare "$model" --budget 12 --method lora --pooling mean
  compare "$model" --method full
done
exit $differing
