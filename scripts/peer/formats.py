#!/usr/bin/env python3
"""Steps over one model in several weight formats, in turns: what a packed base costs against Float32.

usage: formats.py PEER_STEPS REFERENCE.gguf MODEL.gguf… [--rounds N] [--rows N] [--tokens N] [--threads N]

Each model is a process of its own that works only when told to; AdaLoRA of rank 12 down to 8 on all matrices, an eighth of each
row's tokens learned. A round takes one step of each, the order turning from round to round. Ratios are of the processor time of
whole steps, and of the time by the clock, to those of the reference in the same round: medians, and their quartiles.
"""

import argparse
import random
import tempfile
from pathlib import Path

import report
from batches import Example, write_batches
from protocol import Side
from scenarios import AVERAGE_RANK, INITIAL_RANK, WARM_UP_STEPS
from task import Task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer_steps", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--words", type=int, default=1000, help="ids are drawn below this (default: 1000)")
    arguments = parser.parse_args()
    steps = WARM_UP_STEPS + arguments.rounds
    generator = random.Random(1)
    learned = list(range(arguments.tokens - arguments.tokens // 8, arguments.tokens))
    batches = [
        [Example([generator.randrange(arguments.words) for _ in range(arguments.tokens)], learned=learned)
         for _ in range(arguments.rows)]
        for _ in range(steps)
    ]
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        rows = write_batches(batches, work / "batches.jsonl")
        sides = []
        for number, model in enumerate(arguments.models):
            task = Task(
                model=str(model), batches=str(rows), start=None, labels=0, threads=arguments.threads,
                initialRank=INITIAL_RANK, averageRank=AVERAGE_RANK, totalSteps=steps + 2, warmupSteps=0, finalSteps=1,
                learningRate=1e-3)
            path = task.write(work / f"{number}.json")
            sides.append(Side(model.name, [str(arguments.peer_steps), "--task", str(path)]))
        try:
            answers: list[list[dict]] = [[] for _ in sides]
            for step in range(1, steps + 1):
                for place in range(len(sides)):
                    number = (place + step) % len(sides)
                    answer = sides[number].step(step)
                    if step > WARM_UP_STEPS:
                        answers[number].append(answer)
            peaks = [side.peak_memory() for side in sides]
        finally:
            for side in sides:
                side.close()
    tokens = arguments.rows * arguments.tokens
    print(f"{arguments.rounds} rounds of {arguments.rows} x {arguments.tokens} tokens, {arguments.threads} threads; "
          f"reference {arguments.models[0].name}")
    for model, own, peak in zip(arguments.models, answers, peaks):
        def ratio(key: str) -> str:
            values = [a[key] / b[key] for a, b in zip(own, answers[0])]
            return (f"{report.quantile(.5, values):.3f} "
                    f"({report.quantile(.25, values):.3f}-{report.quantile(.75, values):.3f})")
        rate = report.quantile(.5, [tokens / answer["seconds"] for answer in own])
        print(f"  {model.name}: processor time {ratio('processorSeconds')}, by the clock {ratio('seconds')}, "
              f"{rate:,.0f} tokens/s, peak {peak / 1e6:,.0f} MB, loss {own[0]['loss']:.4f}")


if __name__ == "__main__":
    main()
