"""Has transformers and PEFT open what adalora trained on a CLIP of drawn shapes, by the lines of its model cards: adapters of both
towers with a budget each, and the merged model, give the logits of `adalora predict`.

usage: check_pairs.py ADALORA SHAPES WORK

SHAPES is a folder of `make-shapes.py`.
"""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from peft import PeftModel
from PIL import Image
from transformers import AutoModel, AutoProcessor

ADALORA, SHAPES, WORK = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
ROWS = 8
# Logits are up to 40: sums in other orders, relative to the largest.
FARTHEST = 1e-5


def adalora(*arguments):
    return subprocess.run([ADALORA, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def batch(processor, file):
    with open(file, encoding="utf-8") as rows:
        rows = list(csv.DictReader(rows))[:ROWS]
    images = [Image.open(file.parent / row["image"]).convert("RGB") for row in rows]
    return processor(text=[row["text"] for row in rows], images=images, padding="max_length", return_tensors="pt")


def main():
    base, run = WORK / "shapes-clip", WORK / "runs/shapes"
    shutil.copytree(SHAPES / "untrained", base)
    adalora("init", base, "--seed", 1)
    train, test = SHAPES / "filled/train.csv", SHAPES / "filled/test.csv"
    adalora("train", "--model", base, "--train", train, "--steps", 30, "--batch-size", 16, "--budget", "text=9,vision=12",
            "--learning-rate", 1e-2, "--output", run)
    rows = test.parent / "few.csv"
    with open(test, encoding="utf-8") as source, open(rows, "w", encoding="utf-8") as few:
        few.writelines(source.readlines()[:ROWS + 1])
    ours = torch.tensor([json.loads(line)["logit"] for line in adalora("predict", run, "--data", rows).splitlines()])
    for form in ("lora", "peft-adalora", "merged"):
        folder = WORK / f"runs/shapes-{form}"
        adalora("export", run, "--to", form, "--output", folder)
        if form == "merged":
            model, processor = AutoModel.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
        else:
            model = PeftModel.from_pretrained(AutoModel.from_pretrained(base), folder)
            processor = AutoProcessor.from_pretrained(base)
        with torch.no_grad():
            theirs = model(**batch(processor, rows)).logits_per_image.diagonal()
        difference = ((theirs - ours).abs().max() / ours.abs().max()).item()
        assert difference < FARTHEST, f"{form}: logits differ by {difference}"
        print(f"  {form}: {len(ours)} pairs, largest difference {difference:.1e} of the largest logit")


if __name__ == "__main__":
    main()
