#!/usr/bin/env python3
"""Trains small tasks with several settings and seeds, and prints a table of test scores.

Tasks are those of make-small-data.py. Each run trains on one thread, two at once, and is evaluated on the task's test rows
with the weights of its last step. A result is one line of RESULTS (JSON); runs that are there already are not repeated.
TF-IDF with logistic (or ridge) regression is the control without a language model, its strength chosen on the training
rows: by 5-fold cross-validation, from 10,000 rows on by a tenth that is held out. It needs scikit-learn.

usage: measure-defaults.py DATA MODEL RESULTS PLAN [--table]

PLAN is JSON: {"seeds": [42, 43, 44], "tasks": [NAME, …], "settings": {NAME: ["--flag", "value", …], …}}. --table runs
nothing. ADALORA names another build of the program.
"""

import concurrent.futures
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ADALORA = os.environ.get("ADALORA", str(Path(__file__).resolve().parent.parent / ".build/release/adalora"))


def rows(path: Path) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_scored(folder: Path) -> bool:
    return "score" in rows(folder / "train.csv")[0]


def task_flags(folder: Path) -> list[str]:
    first = rows(folder / "train.csv")[0]
    flags = ["--task", "regression", "--label-column", "score"] if "score" in first else []
    return flags + (["--text-column", "text_a,text_b"] if "text_a" in first else [])


def run(folder: Path, model: str, flags: list[str], seed: int) -> dict:
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "run"
        command = [ADALORA, "train", "--model", model, "--train", folder / "train.csv", "--output", output]
        command += [*task_flags(folder), "--seed", str(seed), "--threads", "1", *flags]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            return {"error": done.stderr[-500:]}
        command = [ADALORA, "evaluate", output, "--data", folder / "test.csv", "--threads", "1", "--json"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            return {"error": done.stderr[-500:]}
        result = json.loads(done.stdout)
        return {"metrics": {**result["metrics"], "loss": result["loss"]}}


def bag_of_words(folder: Path) -> dict:
    from scipy.stats import pearsonr
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV
    from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

    train, test = rows(folder / "train.csv"), rows(folder / "test.csv")
    texts = [[" ".join(row[name] for name in row if name.startswith("text")) for row in part] for part in (train, test)]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    x, y = vectorizer.fit_transform(texts[0]), vectorizer.transform(texts[1])
    if is_scored(folder):
        fitted = RidgeCV(alphas=[0.1, 0.3, 1, 3, 10, 30]).fit(x, [float(row["score"]) for row in train])
        return {"metrics": {"pearson": float(pearsonr(fitted.predict(y), [float(row["score"]) for row in test])[0])}}
    many = x.shape[0] >= 10_000
    folds = StratifiedShuffleSplit(1, test_size=0.1, random_state=0) if many else StratifiedKFold(5, shuffle=True, random_state=0)
    fitted = LogisticRegressionCV(Cs=[0.1, 1, 10, 100], cv=folds, max_iter=2000)
    fitted.fit(x, [row["label"] for row in train])
    return {"metrics": {"accuracy": float(fitted.score(y, [row["label"] for row in test]))}}


def table(results: list[dict], plan: dict, data: Path) -> str:
    names = list(plan["settings"]) + ["tf-idf"]
    lines = ["| task | rows | figure | " + " | ".join(names) + " |", "|---|---|---|" + "---|" * len(names)]
    for task in plan["tasks"]:
        figure = "pearson" if is_scored(data / task) else "accuracy"
        cells = []
        for name in names:
            found = [row["metrics"][figure] for row in results if (row["task"], row["setting"]) == (task, name)]
            spread = f" ±{statistics.stdev(found):.3f}" if len(found) > 1 else ""
            cells.append(f"{statistics.mean(found):.3f}{spread}" if found else "–")
        lines.append(f"| {task} | {len(rows(data / task / 'train.csv')):,} | {figure} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--table"]
    if len(arguments) != 4:
        raise SystemExit(__doc__)
    data, model, target = Path(arguments[0]), arguments[1], Path(arguments[2])
    plan = json.loads(Path(arguments[3]).read_text(encoding="utf-8"))
    results = [json.loads(line) for line in target.read_text().splitlines()] if target.exists() else []
    if "--table" not in sys.argv:
        known = {(row["task"], row["setting"], row["seed"]) for row in results}
        wanted = [(task, name, seed) for task in plan["tasks"] for seed in plan["seeds"] for name in plan["settings"]]
        wanted += [(task, "tf-idf", 0) for task in plan["tasks"]]

        def one(job: tuple[str, str, int]) -> dict:
            task, name, seed = job
            found = bag_of_words(data / task) if name == "tf-idf" else run(data / task, model, plan["settings"][name], seed)
            return {"task": task, "setting": name, "seed": seed, **found}

        with concurrent.futures.ThreadPoolExecutor(2) as pool, open(target, "a", encoding="utf-8") as file:
            for future in concurrent.futures.as_completed([pool.submit(one, job) for job in wanted if job not in known]):
                result = future.result()
                if "error" in result:
                    print(f"{result['task']} {result['setting']} {result['seed']}: {result['error']}", file=sys.stderr)
                    continue
                file.write(json.dumps(result) + "\n")
                file.flush()
                results.append(result)
    print(table(results, plan, data))


if __name__ == "__main__":
    main()
