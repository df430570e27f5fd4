#!/usr/bin/env python3
"""Check that AdapterHub's library answers as adalora does: a classifier exported with --to adapterhub.

    adalora export RUN --to adapterhub --output HUB
    adalora predict RUN --data ROWS.jsonl > PREDICTIONS.jsonl
    python3 scripts/interop/check_adapterhub.py HUB BASE ROWS.jsonl PREDICTIONS.jsonl   # adapters 1.3.0, transformers 4.57.6

The run must have the pooling of transformers' classifier (--pooling pooler), and rows with a column `text`.
"""

import json
import sys

import adapters
import torch
import transformers

LARGEST_DIFFERENCE = 1e-4


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file if line.strip()]


def main():
    hub, base, rows, predictions = sys.argv[1:]
    with open(f"{hub}/head_config.json") as file:
        labels = json.load(file)["label2id"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(labels))
    adapters.init(model)
    model.set_active_adapters(model.load_adapter(hub, use_safetensors=True))
    model.eval()
    worst = 0.0
    expected = lines(predictions)
    for row, answer in zip(lines(rows), expected, strict=True):
        with torch.no_grad():
            batch = tokenizer(row["text"], truncation=True, max_length=128, return_tensors="pt")
            probabilities = torch.softmax(model(**batch).logits[0], dim=-1)
        for label, probability in answer["probabilities"].items():
            worst = max(worst, abs(probabilities[labels[label]].item() - probability))
    print(f"{len(expected)} rows of {len(labels)} labels, probabilities differ by at most {worst:.1e}")
    sys.exit(0 if worst < LARGEST_DIFFERENCE else 1)


if __name__ == "__main__":
    main()
