#!/usr/bin/env python3
"""What two processes of one thread take beside one process of two threads: the same steps in turns, seconds of steps over seconds.

usage: cost.py ADALORA [ROUNDS]     (built with the trait MPI; from the root of the repository, with MiniLM and WordNet fetched; leave the
machine alone meanwhile)
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ADALORA = str(Path(sys.argv[1]).resolve())
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 4
STEPS, FIRST = 60, 10
LAUNCHED = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "2"]


def seconds(launcher, threads, run):
    """Of the steps after the first ones."""
    command = [*launcher, ADALORA, "train", "--model", "models/minilm", "--train", "data/wordnet/train.jsonl", "--budget", "72", "--steps",
               str(STEPS), "--threads", str(threads), "--output", str(run)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return sum(event["seconds"] for event in events if event["event"] == "step" and event["step"] > FIRST)


def main():
    ratios = []
    with tempfile.TemporaryDirectory() as work:
        for round_ in range(ROUNDS):
            alone = seconds([], 2, Path(work) / f"alone-{round_}")
            two = seconds(LAUNCHED, 1, Path(work) / f"two-{round_}")
            ratios.append(two / alone)
            print(f"one process of 2 threads {alone:.2f} s, two of 1 thread {two:.2f} s: {ratios[-1]:.3f}", flush=True)
    print(f"median {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


main()
