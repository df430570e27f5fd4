#!/usr/bin/env python3
"""From the start of a program to its first answer, and rows a second: adalora predict beside transformers' pipeline.

usage: prediction.py ADALORA RUN [--rows N] [--rounds N] [--threads N]

RUN is a classifier's run. The pipeline gets the same model, which `adalora export --to merged` writes; its answers must be the
same. It is asked as it comes (row by row), and with batches of 32 rows of similar lengths. Both sides take turns.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report

ROOT = Path(__file__).resolve().parents[2]
BATCH = 32


def pipeline_side(model: str, path: str, threads: int) -> None:
    """One answer, then on command all rows as they come and all in batches."""
    import torch
    from transformers import pipeline

    torch.set_num_threads(threads)
    classify = pipeline("text-classification", model=model, device="cpu")
    rows = [json.loads(line)["text"] for line in Path(path).read_text().splitlines()]
    print(json.dumps(classify(rows[0])[0]["label"]), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        if line.strip() == "alone":
            answers = [classify(row)[0]["label"] for row in rows]
        else:
            order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
            answers = [""] * len(rows)
            for row, answer in zip(order, classify([rows[row] for row in order], batch_size=BATCH), strict=True):
                answers[row] = answer["label"]
        print(json.dumps({"seconds": time.perf_counter() - start, "answers": answers}), flush=True)


def main() -> None:
    if sys.argv[1] == "--pipeline":
        return pipeline_side(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("run", type=Path)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    starts: dict[str, list[float]] = {"ours": [], "theirs": []}
    rates: dict[str, list[float]] = {"ours": [], "alone": [], "batches": []}
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        merged = work / "merged"
        subprocess.run(
            [options.program, "export", options.run, "--to", "merged", "--output", merged], check=True, capture_output=True)
        lines = (ROOT / "data/wordnet/validation.jsonl").read_text().splitlines()[: options.rows]
        rows = work / "rows.jsonl"
        rows.write_text("".join(json.dumps({"text": json.loads(line)["text"]}) + "\n" for line in lines))
        first = work / "first.jsonl"
        first.write_text(rows.read_text().splitlines()[0] + "\n")
        predict = [options.program, "predict", options.run, "--threads", str(options.threads), "--data"]
        for _ in range(options.rounds):
            start = time.perf_counter()
            subprocess.run([*predict, first], check=True, capture_output=True)
            starts["ours"].append(time.perf_counter() - start)
            start = time.perf_counter()
            done = subprocess.run([*predict, rows], check=True, capture_output=True, text=True)
            rates["ours"].append(len(lines) / (time.perf_counter() - start))
            ours = [json.loads(line)["label"] for line in done.stdout.splitlines()]

            start = time.perf_counter()
            command = [sys.executable, __file__, "--pipeline", str(merged), str(rows), str(options.threads)]
            environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
            ) as peer:
                peer.stdout.readline()
                starts["theirs"].append(time.perf_counter() - start)
                for way in ("alone", "batches"):
                    peer.stdin.write(way + "\n")
                    peer.stdin.flush()
                    answer = json.loads(peer.stdout.readline())
                    rates[way].append(len(lines) / answer["seconds"])
                    different = sum(a != b for a, b in zip(ours, answer["answers"], strict=True))
                    # Two classes may be equally probable but for rounding.
                    assert different <= len(lines) // 500, f"{different} of {len(lines)} answers differ"
                peer.stdin.close()

    def median(values: list[float]) -> float:
        return report.quantile(0.5, values)

    own, other = median(starts["ours"]), median(starts["theirs"])
    print(f"to the first answer: {own:.2f} s here, {other:.2f} s with transformers (1/{other / own:.0f})")
    rate = median(rates["ours"])
    for way, title in (("alone", "row by row"), ("batches", f"in batches of {BATCH} similar lengths")):
        print(f"{len(lines)} rows, start included here and not there: {rate:,.0f} rows/s here, {median(rates[way]):,.0f} with the "
              f"pipeline {title} ({rate / median(rates[way]):.1f} times as many)")


if __name__ == "__main__":
    main()
