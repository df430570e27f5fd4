#!/usr/bin/env python3
"""Write the goldens of per-class scores, confusion matrices, errors of scores and calibration.

class_reports.json  truth and predictions; confusion matrix [truth][answer], and precision, recall, F1 and support of each
                    class by scikit-learn, null where it has nothing to divide by
errors.json         numbers; mean absolute error and root mean squared error by scikit-learn
calibration.json    confidences and whether the answer was right; expected calibration error over 15 bins, by the formula of
                    Guo et al. 2017 as their code has it: bins of confidence above their lower and up to their upper end

    python3 scripts/goldens/class_scores.py   # Python 3.11, scikit-learn 1.9, numpy
"""

import json
import math
import os
import random
import warnings

import numpy
from sklearn.metrics import (confusion_matrix, mean_absolute_error, precision_recall_fscore_support,
                             root_mean_squared_error)

warnings.simplefilter("ignore")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(ROOT, "Tests", "Goldens", "scores")
SEED = 20261130


def class_reports():
    choice = random.Random(SEED)
    cases = [([0, 0, 0], [0, 0, 0], 2), ([0, 1, 2], [1, 1, 1], 3), ([2, 2, 2], [0, 1, 0], 4)]
    for _ in range(30):
        count, kinds = choice.randrange(1, 40), choice.randrange(2, 7)
        cases.append(([choice.randrange(kinds) for _ in range(count)], [choice.randrange(kinds) for _ in range(count)], kinds))
    lines = []
    for truth, predicted, kinds in cases:
        scores = precision_recall_fscore_support(truth, predicted, labels=range(kinds), zero_division=math.nan)
        lines.append({"truth": truth, "predicted": predicted, "classes": kinds,
                      "confusion": confusion_matrix(truth, predicted, labels=range(kinds)).tolist(),
                      "precision": numbers(scores[0]), "recall": numbers(scores[1]), "f1": numbers(scores[2]),
                      "support": scores[3].tolist()})
    return lines


def numbers(values):
    return [None if math.isnan(value) else float(value) for value in values]


def errors():
    choice = random.Random(SEED + 1)
    cases = [([1], [1]), ([0, 0], [3, -4])]
    for _ in range(30):
        count = choice.randrange(1, 40)
        cases.append(([choice.randrange(1000) / 8 for _ in range(count)], [choice.randrange(1000) / 8 - 3 for _ in range(count)]))
    return [{"truth": truth, "predicted": predicted, "absolute": float(mean_absolute_error(truth, predicted)),
             "squared": float(root_mean_squared_error(truth, predicted))} for truth, predicted in cases]


def calibration_error(confidences, right, bins=15):
    confidences, right = numpy.array(confidences), numpy.array(right, dtype=float)
    bounds = numpy.linspace(0, 1, bins + 1)
    error = 0.0
    for low, high in zip(bounds[:-1], bounds[1:]):
        members = (confidences > low) & (confidences <= high)
        if members.any():
            error += abs(confidences[members].mean() - right[members].mean()) * members.mean()
    return float(error)


def calibration():
    choice = random.Random(SEED + 2)
    cases = [([1.0], [True]), ([1.0], [False]), ([0.5] * 4, [True, True, False, False])]
    for _ in range(30):
        count = choice.randrange(1, 90)
        confidences = [round(1 - choice.random() ** 2, 6) for _ in range(count)]
        cases.append((confidences, [choice.random() < confidence ** 2 for confidence in confidences]))
    return [{"confidences": confidences, "right": right, "error": calibration_error(confidences, right)}
            for confidences, right in cases]


def write(name, lines):
    with open(os.path.join(FOLDER, name), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]\n")


write("class_reports.json", class_reports())
write("errors.json", errors())
write("calibration.json", calibration())
