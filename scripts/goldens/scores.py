#!/usr/bin/env python3
"""Write the goldens of scores and of the weighted loss with the libraries that people compare with: scikit-learn, SciPy,
seqeval, Python's own text functions (SQuAD's normalize_answer) and PyTorch.

classes.json        truth and predictions; accuracy, macro F1 and Matthews by scikit-learn
label_sets.json     label sets as sorted lists, classes; micro and macro F1 and subset accuracy by scikit-learn
scores.json         numbers (null for NaN and infinities); Pearson and Spearman by SciPy, null where it gives NaN
tags.json           names of tags in many schemes, rows of random tags; micro figures of seqeval, which knows IOB and IOBES:
                    other letters are put as the ones that mean the same
answers.json        texts of hostile scalars and what normalize_answer makes of them
scalars.json        by blocks of 256, a hash of normalize_answer around each scalar that Python's Unicode assigns
weighted_loss.json  logits, labels (-1 for none), weights; loss and gradient of CrossEntropyLoss(weight=…)

    python3 scripts/goldens/scores.py   # Python 3.11, scikit-learn 1.9, SciPy 1.17, seqeval 1.2.2, torch 2.13
"""

import json
import math
import os
import random
import re
import string
import unicodedata
import warnings

import numpy
import torch
from scipy.stats import pearsonr, spearmanr
from seqeval.metrics import f1_score as span_f1, precision_score, recall_score
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from sklearn.preprocessing import MultiLabelBinarizer

warnings.simplefilter("ignore")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(ROOT, "Tests", "Goldens", "scores")
SEED = 20261129


def classes():
    choice = random.Random(SEED)
    cases = [([0, 0, 0], [0, 0, 0]), ([0, 1, 2], [1, 1, 1]), ([1, 1], [0, 1]), ([2, 2, 2], [0, 1, 0]), ([3], [3]),
             ([0], [1]), ([0, 1], [1, 0]), ([0, 1] * 10, [0, 1] * 10)]
    for _ in range(60):
        count, kinds = choice.randrange(1, 30), choice.randrange(1, 6)
        cases.append(([choice.randrange(kinds) for _ in range(count)], [choice.randrange(kinds) for _ in range(count)]))
    return [{"truth": truth, "predicted": predicted, "accuracy": float(accuracy_score(truth, predicted)),
             "macroF1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
             "matthews": float(matthews_corrcoef(truth, predicted))} for truth, predicted in cases]


def label_sets():
    choice = random.Random(SEED + 1)
    cases = [([[]], [[]], 3), ([[0]], [[]], 2), ([[]], [[1]], 2), ([[0, 1]], [[0, 1]], 2)]
    for _ in range(60):
        count, kinds = choice.randrange(1, 20), choice.randrange(2, 6)
        rows = [[sorted(choice.sample(range(kinds), choice.randrange(kinds + 1))) for _ in range(count)] for _ in "tp"]
        cases.append((rows[0], rows[1], kinds))
    lines = []
    for truth, predicted, kinds in cases:
        columns = MultiLabelBinarizer(classes=range(kinds))
        t, p = columns.fit_transform(truth), columns.fit_transform(predicted)
        lines.append({"truth": truth, "predicted": predicted, "classes": kinds,
                      "microF1": float(f1_score(t, p, average="micro", zero_division=0)),
                      "macroF1": float(f1_score(t, p, average="macro", zero_division=0)),
                      "subset": float(accuracy_score(t, p))})
    return lines


def scores():
    choice = random.Random(SEED + 2)
    nan, inf = math.nan, math.inf
    cases = [([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [5, 5, 5]), ([0.1] * 5, [0.1] * 5), ([1, 2], [2, 1]), ([1, 2], [3, 4]),
             ([1, nan, 3], [1, 2, 3]), ([1, inf, 3], [1, 2, 3]), ([1, 2, 3, 4], [1, 8, 27, 1e30]),
             ([1e-30, 2e-30, 3e-30], [1, 2, 4]), ([1e6, 1e6 + 1, 1e6 + 2], [3, 1, 2])]
    for _ in range(60):
        count = choice.randrange(2, 40)
        kinds = choice.choice([2, 5, 1000])
        cases.append(([choice.randrange(kinds) / 8 for _ in range(count)],
                      [choice.randrange(kinds) / 8 - 3 for _ in range(count)]))

    def number(value):
        return float(value) if math.isfinite(value) else None

    lines = []
    for truth, predicted in cases:
        t, p = numpy.float32(truth).astype(float), numpy.float32(predicted).astype(float)
        finite = bool(numpy.isfinite(t).all() and numpy.isfinite(p).all())
        lines.append({"truth": [number(v) for v in t], "predicted": [number(v) for v in p],
                      "pearson": number(pearsonr(t, p)[0]) if finite else None,
                      "spearman": number(spearmanr(t, p)[0]) if finite else None})
    return lines


SCHEMES = {
    "IOB": ("prefix", {"B": "B", "I": "I"}), "IOB1": ("prefix", {"I": "I"}),
    "IOBES": ("prefix", {"B": "B", "I": "I", "E": "E", "S": "S"}),
    "BILOU": ("prefix", {"B": "B", "I": "I", "L": "E", "U": "S"}),
    "BMES": ("prefix", {"B": "B", "M": "I", "E": "E", "S": "S"}),
    "BMEWO": ("prefix", {"B": "B", "M": "I", "E": "E", "W": "S"}),
    "IOB after": ("suffix", {"B": "B", "I": "I"}), "IOBES after": ("suffix", {"B": "B", "I": "I", "E": "E", "S": "S"}),
    "BILOU after": ("suffix", {"B": "B", "I": "I", "L": "E", "U": "S"}),
    "IOB alone": ("bare", {"B": "B", "I": "I"}), "BMES alone": ("bare", {"B": "B", "M": "I", "E": "E", "S": "S"}),
}


def tags():
    choice = random.Random(SEED + 3)
    lines = []
    for scheme, (form, letters) in SCHEMES.items():
        types = [""] if form == "bare" else ["PER", "geo-loc"]

        def written(letter, kind):
            return {"prefix": f"{letter}-{kind}", "suffix": f"{kind}-{letter}", "bare": letter}[form]

        known = {written(own, kind): written(usual, kind) for own, usual in letters.items() for kind in types}
        known["O"] = "O"
        names = sorted(known)
        rows = []
        for _ in range(30):
            truth = [choice.choice(names) for _ in range(choice.randrange(1, 14))]
            rows.append((truth, [tag if choice.random() < 0.7 else choice.choice(names) for tag in truth]))
        if scheme == "IOB":
            rows.append((["O", "O"], ["O", "O"]))
        usual = [[[known[tag] for tag in tags] for tags in column] for column in zip(*rows)]
        figures = [float(score(*usual, suffix=form == "suffix", zero_division=0))
                   for score in (span_f1, precision_score, recall_score)]
        lines.append({"scheme": scheme, "names": names, "truth": [row[0] for row in rows],
                      "predicted": [row[1] for row in rows], "figures": figures})
    return lines


def normalize_answer(text):
    text = "".join(ch for ch in text.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


PARTS = ["a", "an", "the", "The", "THE", "A", "Σ", "ΟΔΟΣ", "ΣΑΣ", "Σ.", "aΣ", "Σa", "ΑΣ'Β", "ΑΣ\u0301", "ΑΣ\u00ad\u0301b", "İ", "I",
         "ß", "ẞ", "ǅ", "é", "e\u0301", "É", "\u0301", "_", "-", "–", "’", "'", "\"", "“", "”", "$", "€", "½", "²", "Ⅻ", "①", "٣",
         "中文", "\u00a0", "\u2003", "\u200b", "\u200d", "\u0085", "\u001c", "\u001f", "\u2028", "\u3000", "\ufeff", "\t", "\n", " ", " ",
         "𝒜", "𐐀", "👍🏽", "ﬁ", "K", "Å", "ªº", "a_the", "o’clock", "U.S.", "x"]


def answers():
    choice = random.Random(SEED + 4)
    lines = []
    for part in PARTS:
        for text in (part, f"the{part}", f"{part}the", f"x {part} an", f"a{part}a"):
            lines.append({"text": text, "normalized": normalize_answer(text)})
    for _ in range(600):
        text = "".join(choice.choice(PARTS) for _ in range(choice.randrange(1, 9)))
        lines.append({"text": text, "normalized": normalize_answer(text)})
    return lines


def scalars():
    blocks = {}
    for value in range(0x110000):
        scalar = chr(value)
        if unicodedata.category(scalar) in ("Cn", "Cs", "Co"):
            continue
        hash_value = blocks.get(value >> 8, 0xCBF29CE484222325)
        for text in (f"X{scalar}the", f"a {scalar}a"):
            for byte in normalize_answer(text).encode() + b"\n":
                hash_value = ((hash_value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        blocks[value >> 8] = hash_value
    # Which scalars count, as first and last of each run.
    runs = []
    for value in range(0x110000):
        if unicodedata.category(chr(value)) in ("Cn", "Cs", "Co"):
            continue
        if runs and runs[-1][1] == value - 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return {"runs": runs, "blocks": [[block, f"{value:016x}"] for block, value in sorted(blocks.items())]}


def weighted_loss():
    generator = torch.Generator().manual_seed(SEED)
    lines = []
    for weights, labels in (([0.5, 2.0, 1.25], [0, 1, 2, 2, 0, 0, 1]), ([3.0, 0.1, 1.0], [0, -1, 2, 1, -1, 1, 1])):
        logits = (torch.randn(len(labels), 3, generator=generator) * 2).requires_grad_()
        loss = torch.nn.functional.cross_entropy(
            logits, torch.tensor(labels), weight=torch.tensor(weights), ignore_index=-1)
        loss.backward()
        lines.append({"logits": logits.detach().flatten().tolist(), "labels": labels, "weights": weights,
                      "loss": loss.item(), "gradient": logits.grad.flatten().tolist()})
    return lines


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for make in (classes, label_sets, scores, tags, answers, scalars, weighted_loss):
        with open(os.path.join(FOLDER, f"{make.__name__}.json"), "w", encoding="utf-8") as file:
            json.dump(make(), file, separators=(",", ":"), allow_nan=False)
            file.write("\n")


if __name__ == "__main__":
    main()
