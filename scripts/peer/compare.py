#!/usr/bin/env python3
"""Compare swift-adalora with PyTorch + PEFT, step by step in one run on one machine.

Both sides train the same model on the same batches with the same budget and schedule, each in a process of its own:
AdaLoRA of initial rank 12 down to 8 on average on all six matrices of a layer, allocation at every step, dropout 0.
They take turns (A B, B A, A B …), and while one works the other waits. A short SGEMM before, between and after the
two steps of a pair tells how fast the machine was; where it moved by more than 15 % the pair is marked.

Before any timing, both sides are set to compute the same thing from the same start, and their losses must agree.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import report
from batches import Batch, Corpus, cut, write_batches
from chats import ChatCorpus
from pictures import Pictures
from protocol import Side, SideFailed
from scenarios import (
    AVERAGE_RANK,
    INITIAL_RANK,
    SCENARIOS,
    WARM_UP_STEPS,
    DecoderSize,
    ModelSize,
    Scenario,
    make_batches,
    make_bert_base,
    make_vit_base,
    write_start,
)
from task import Task

PARITY_STEPS = 8
# Float32 sums are taken in another order; Adam's first steps turn the rounding of tiny gradients into whole steps.
PARITY_TOLERANCE = 1e-3
# In bf16 factors of products with frozen weights are rounded to 8 bits: first losses of BERT-base's and ViT-base's size differed by 1e-4 and 6e-4.
FIRST_LOSS_TOLERANCE = {"float32": 1e-4, "bf16": 2e-3}


class Mismatch(Exception):
    """The two sides do not compute the same; a comparison would be worthless."""


class Comparison:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.work: Path = arguments.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.corpus = Corpus(arguments.model, arguments.data / "train.jsonl")

    def swift(self, task: Path) -> Side:
        return Side("adalora", [str(self.arguments.peer_steps), "--task", str(task)])

    def peft(self, task: Path, scenario: Scenario | None = None) -> Side:
        script = Path(__file__).with_name("peft_steps.py")
        options, environment = [], {"TQDM_DISABLE": "1"}
        if scenario and scenario.tcmalloc:
            environment["LD_PRELOAD"] = str(self.arguments.tcmalloc)
        if scenario and scenario.compiled:
            options.append("--compile")
        if scenario and scenario.decoder and scenario.is_best:
            options.append("--answers-only")
        return Side("PEFT", [sys.executable, str(script), str(task), *options], environment)

    def probe(self) -> Side:
        return Side("probe", [str(self.arguments.peer_steps), "--threads", str(self.arguments.threads)])

    def task(self, name: str, batches: list[Batch], model: Path, parity: bool = False, **settings: Any) -> Path:
        labels, start, names = 0, None, settings.pop("names", self.corpus.names)
        if batches[0][0].learned is None:
            labels = len(names)
            path = self.work / f"{name}.start.safetensors"
            start = str(write_start(path, ModelSize.read(model), labels, seed=1, with_lambda=parity))
        task = Task(
            model=str(model),
            batches=str(write_batches(batches, self.work / f"{name}.batches.jsonl")),
            start=start,
            labels=labels,
            threads=self.arguments.threads,
            initialRank=INITIAL_RANK,
            averageRank=AVERAGE_RANK,
            learningRate=self.arguments.rate,
            parity=parity,
            **settings,
        )
        return task.write(self.work / f"{name}.task.json")

    def check_parity(self) -> dict[str, Any]:
        """The same computation on both sides, through all three phases of the schedule."""
        scenario = Scenario("parity", "", "log-normal", batch_size=8)
        batches, _ = make_batches(scenario, self.corpus, PARITY_STEPS, seed=1)
        schedule = {"totalSteps": PARITY_STEPS, "warmupSteps": 2, "finalSteps": 2}
        task = self.task("parity", batches, self.arguments.model, parity=True, **schedule)
        worst, steps = 0.0, []
        with self.swift(task) as ours, self.peft(task) as peft:
            for number in range(1, PARITY_STEPS + 1):
                a, b = ours.step(number), peft.step(number)
                worst = max(worst, abs(a["loss"] - b["loss"]) / abs(b["loss"]))
                steps.append({"step": number, "ours": a["loss"], "peft": b["loss"], "alive": [a["alive"], b["alive"]]})
                if a["alive"] != b["alive"]:
                    raise Mismatch(f"step {number}: {a['alive']} triplets alive here, {b['alive']} in PEFT")
        if not worst <= PARITY_TOLERANCE:
            raise Mismatch(f"losses differ by {worst:.1e}, at most {PARITY_TOLERANCE} is expected: {steps}")
        print(f"same computation on both sides: {PARITY_STEPS} losses agree to {worst:.1e}, triplets alive are equal")
        return {"largestRelativeDifference": worst, "steps": steps}

    def measure(self, scenario: Scenario) -> dict[str, Any]:
        model, corpus = self.arguments.model, self.corpus
        if scenario.bert_base:
            model = make_bert_base(self.work / "bert-base")
        own: dict[str, Any] = {}
        if scenario.vit_base:
            model = make_vit_base(self.work / "vit-base")
            corpus = Pictures(self.work / "pixels.safetensors")
            own = {"names": corpus.names, "pixels": str(corpus.path)}
        if scenario.decoder:
            model = getattr(self.arguments, scenario.decoder)
            corpus = ChatCorpus(model, scenario.decoder, self.arguments.chats / "train.jsonl")
        pairs = self.arguments.pairs
        steps = WARM_UP_STEPS + pairs
        batches, peft_batches = make_batches(scenario, corpus, steps, self.arguments.seed)
        # The last step of the schedule's budgeting is not reached: a new mask after every step that is measured.
        schedule = {"totalSteps": steps + 2, "warmupSteps": 0, "finalSteps": 1}
        computing = {"recompute": scenario.recompute, "precision": scenario.precision}
        task = self.task(scenario.name, batches, model, **computing, **schedule, **own)
        peft_task = self.task(f"{scenario.name}-peft", peft_batches, model, **schedule, **own)
        size = DecoderSize.read(model) if scenario.decoder else ModelSize.read(model)
        with self.swift(task) as ours:
            first = {"ours": ours.step(1)["loss"]}
            start = {"ours": ours.seconds_since_start()}
            ready = {"ours": ours.ready}
            with self.peft(peft_task, scenario) as peft:
                first["peft"] = peft.step(1)["loss"]
                start["peft"] = peft.seconds_since_start()
                ready["peft"] = peft.ready
                tolerance = FIRST_LOSS_TOLERANCE[scenario.precision]
                if not abs(first["ours"] - first["peft"]) <= tolerance * first["peft"]:
                    raise Mismatch(f"{scenario.name}: the first losses are {first}")
                for number in range(2, WARM_UP_STEPS + 1):
                    ours.step(number)
                    peft.step(number)
                with self.probe() as probe:
                    measured = take_turns(ours, peft, probe, range(WARM_UP_STEPS + 1, steps + 1), batches, size)
                memory = {"ours": ours.peak_memory(), "peft": peft.peak_memory()}
                torch_gflops = sorted(peft.probe() for _ in range(5))[2]
        if sum(pair.oursTokens for pair in measured) != sum(pair.peftTokens for pair in measured):
            raise Mismatch(f"{scenario.name}: the sides did not train on the same tokens")
        return {
            **report.summary(measured),
            "grouped": scenario.grouped,
            "firstLoss": first,
            "readySeconds": ready,
            "startSeconds": start,
            "peakMemory": memory,
            "torchGflops": torch_gflops,
            "load": os.getloadavg()[0],
            "each": [{**vars(pair), "ratio": pair.ratio, "marked": pair.marked} for pair in measured],
        }

    def quality(self) -> dict[str, Any]:
        """The same run to its end on both sides, each with its own defaults, and the validation scores."""
        arguments = self.arguments
        validation = Corpus(arguments.model, arguments.data / "validation.jsonl", self.corpus.names).examples
        examples = [e for epoch in range(arguments.epochs) for e in self.corpus.shuffled(arguments.seed + epoch)]
        batches = cut(examples, 32)
        steps = len(batches)
        task = self.task(
            "quality",
            batches,
            arguments.model,
            totalSteps=steps,
            warmupSteps=steps // 10,
            finalSteps=steps * 2 // 5,
            learningRateWarmupSteps=round(0.06 * steps),
            validation=str(write_batches([validation], self.work / "quality.validation.jsonl")),
        )
        seconds = {"ours": 0.0, "peft": 0.0}
        losses: dict[str, list[float]] = {"ours": [], "peft": []}
        truth = [example.label for example in validation]
        with self.swift(task) as ours, self.peft(task) as peft:
            for number in range(1, steps + 1):
                for name, side in (("ours", ours), ("peft", peft)):
                    answer = side.step(number)
                    seconds[name] += answer["seconds"]
                    losses[name].append(answer["loss"])
            result: dict[str, Any] = {"steps": steps, "epochs": arguments.epochs, "rate": arguments.rate}
            for name, side in (("ours", ours), ("peft", peft)):
                answer = side.ask("evaluate")
                result[name] = {
                    "accuracy": report.accuracy(truth, answer["predictions"]),
                    "macroF1": report.macro_f1(truth, answer["predictions"]),
                    "validationLoss": answer["loss"],
                    "stepSeconds": seconds[name],
                    "peakMemory": side.peak_memory(),
                    "trainingLosses": losses[name],
                }
        return result


def take_turns(
    ours: Side, peft: Side, probe: Side, steps: range, batches: list[Batch], size: ModelSize | DecoderSize
) -> list[report.Pair]:
    pairs = []
    probe.probe()
    for step in steps:
        sides = [("ours", ours), ("peft", peft)]
        if step % 2:
            sides.reverse()
        probes, answers = [probe.probe()], {}
        for name, side in sides:
            answers[name] = side.step(step)
            probes.append(probe.probe())
        position = 0 if sides[0][0] == "ours" else 1
        around = (probes[position] + probes[position + 1]) / 2
        work = size.floating_point_operations(batches[step - 1], INITIAL_RANK)
        pairs.append(
            report.Pair(
                step=step,
                first=sides[0][0],
                oursSeconds=answers["ours"]["seconds"],
                peftSeconds=answers["peft"]["seconds"],
                oursTokens=answers["ours"]["tokens"],
                peftTokens=answers["peft"]["tokens"],
                oursLoss=answers["ours"]["loss"],
                peftLoss=answers["peft"]["loss"],
                probes=(probes[0], probes[1], probes[2]),
                shareOfProbe=work / answers["ours"]["seconds"] / 1e9 / around,
            )
        )
    return pairs


def quality_text(result: dict[str, Any]) -> str:
    lines = [
        f"\nWordNet glosses, {result['steps']} steps of 32, learning rate {result['rate']}, one seed",
        "            accuracy  macro-F1  validation loss  time in steps  peak memory",
    ]
    for title, name in (("adalora", "ours"), ("PEFT", "peft")):
        side = result[name]
        lines.append(
            f"  {title:<9} {side['accuracy']:8.4f}  {side['macroF1']:8.4f}  {side['validationLoss']:15.4f}"
            f"  {side['stepSeconds']:11.1f} s  {side['peakMemory'] / 2**20:7,.0f} MiB"
        )
    return "\n".join(lines)


def machine(arguments: argparse.Namespace) -> dict[str, Any]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    with Side("probe", [str(arguments.peer_steps), "--threads", str(arguments.threads)]) as probe:
        openblas = probe.about["ready"]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "threads": arguments.threads,
        "load": os.getloadavg()[0],
        "openblas": openblas,
        "commit": commit.stdout.strip() or "unknown",
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft", "tokenizers")},
        "tcmalloc": str(arguments.tcmalloc) if arguments.tcmalloc else None,
    }


def parse_arguments() -> argparse.Namespace:
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(
        prog="compare-peft.sh",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="scenarios:\n" + "\n".join(f"  {s.name:<16}{s.title}" for s in SCENARIOS),
    )
    parser.add_argument(
        "--scenario", action="append", choices=names, metavar="NAME", help="repeat for several (default: all)"
    )
    parser.add_argument("--pairs", type=int, default=30, help="pairs of steps in each scenario (default: 30)")
    parser.add_argument("--quality", action="store_true", help="also train to the end and compare validation scores")
    parser.add_argument("--quality-only", action="store_true", help="nothing but that")
    parser.add_argument("--epochs", type=int, default=1, help="of --quality (default: 1, 313 steps)")
    parser.add_argument("--rate", type=float, default=3e-3, help="peak learning rate of both sides (default: 3e-3)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="of the batches (default: 1)")
    parser.add_argument("--output", type=Path, help="JSON file with every pair and the machine")
    parser.add_argument(
        "--model", type=Path, default=Path("models/minilm"), help="BERT folder (default: models/minilm)"
    )
    parser.add_argument(
        "--smollm2",
        type=Path,
        default=Path("models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
        help="GGUF of the chat scenarios (default: models/smollm2)",
    )
    parser.add_argument("--gemma", type=Path, help="GGUF of Gemma-3-270M (default: its scenarios are left out)")
    parser.add_argument("--chats", type=Path, default=Path("data/wordnet-chat"), help="folder with train.jsonl")
    parser.add_argument("--data", type=Path, default=Path("data/wordnet"), help="folder with train.jsonl")
    parser.add_argument("--work", type=Path, default=Path(".build-peer"), help="where files go (default: .build-peer)")
    parser.add_argument("--peer-steps", type=Path, default=Path(".build/release/PeerSteps"), help=argparse.SUPPRESS)
    parser.add_argument("--tcmalloc", type=Path, help="libtcmalloc_minimal.so.4 (default: the system's)")
    arguments = parser.parse_args()
    for name, least in (("pairs", 2), ("threads", 1), ("epochs", 1)):
        if getattr(arguments, name) < least:
            parser.error(f"--{name} must be at least {least}, not {getattr(arguments, name)}")
    return arguments


def chosen_scenarios(arguments: argparse.Namespace) -> list[Scenario]:
    if arguments.quality_only:
        return []
    chosen = [s for s in SCENARIOS if not arguments.scenario or s.name in arguments.scenario]
    without = {s.name: "tcmalloc" for s in chosen if s.tcmalloc and not arguments.tcmalloc}
    without |= {s.name: "--gemma" for s in chosen if s.decoder == "gemma" and not arguments.gemma}
    for name, missing in without.items():
        print(f"left out without {missing}: {name}", file=sys.stderr)
    return [s for s in chosen if s.name not in without]


def save(results: dict[str, Any], path: Path | None) -> None:
    """After each part, so that a run that is cut short leaves what it measured."""
    if path:
        path.write_text(json.dumps(results, indent=1) + "\n")


def run(arguments: argparse.Namespace) -> None:
    if os.getloadavg()[0] > 0.5:
        print(f"warning: the load average is {os.getloadavg()[0]:.1f}; other work disturbs the timing", file=sys.stderr)
    comparison = Comparison(arguments)
    results: dict[str, Any] = {"machine": machine(arguments), "scenarios": {}, "failed": {}}
    print("\n".join(f"{key:<13}{value}" for key, value in results["machine"].items()))
    results["parity"] = comparison.check_parity()
    for scenario in chosen_scenarios(arguments):
        try:
            results["scenarios"][scenario.name] = comparison.measure(scenario)
        except SideFailed as error:
            # torch.compile needs a C++ compiler and may fail; what was measured stays.
            results["failed"][scenario.name] = str(error)
            print(f"\n{scenario.title}\n  failed: {error}", flush=True)
            continue
        print(report.scenario_text(scenario.title, results["scenarios"][scenario.name]), flush=True)
        save(results, arguments.output)
    if arguments.quality or arguments.quality_only:
        results["quality"] = comparison.quality()
        print(quality_text(results["quality"]))
    if arguments.output:
        save(results, arguments.output)
        print(f"\nevery pair: {arguments.output}")
    if results["failed"]:
        sys.exit(1)


def main() -> None:
    try:
        run(parse_arguments())
    except (Mismatch, SideFailed, OSError, ValueError) as error:
        sys.exit(f"compare-peft: {error}")


if __name__ == "__main__":
    main()
