#!/usr/bin/env python3
"""Holds adalora advise against sweeps of ranks: what its rank costs against the best one, beside folk answers.

usage: validate-advice.py SETTINGS RESULTS [--only NAME,…] [--threads N] [--table] [--dry-run]

SETTINGS is JSON as Benchmarks/advice/settings.json. RESULTS/NAME/runs holds the runs of `adalora sweep`, RESULTS/NAME/advice-SEED.json
what was advised, RESULTS/NAME.json all figures of a setting, RESULTS/behind.svg how far each answer is behind the best rank. What is
there already is not done again, so that the command may be stopped at any time and goes on; a setting with figures and without
RESULTS/NAME is finished. --table runs nothing and prints the table of what there is, in Markdown; --dry-run prints the commands. ADALORA names another build of the program.
"""

import argparse
import json
import math
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ADALORA = os.environ.get("ADALORA", str(Path(__file__).resolve().parent.parent / ".build/release/adalora"))
SMALLER_IS_BETTER = {"loss", "perplexity", "mse", "mae", "rmse"}
METHODS = {"lora": "LoRA", "adalora": "AdaLoRA"}
NAMES = {**METHODS, "head": "head alone"}


class Setting:
    def __init__(self, name: str, plan: dict, results: Path, threads: int | None):
        self.name = name
        self.data = plan["settings"][name]
        self.ranks = plan["ranks"]
        self.seeds = plan["seeds"]
        self.advice_seeds = plan["advice-seeds"]
        self.folder = results / name
        self.runs = self.folder / "runs"
        self.threads = [] if threads is None else ["--threads", str(threads)]
        self.metric = self.data["metric"]
        self.is_error = self.metric in SMALLER_IS_BETTER

    def files(self) -> list[str]:
        return ["--model", self.data["model"], "--train", self.data["train"], "--validation", self.data["validation"]]

    def sweep(self, ranks: list[float]) -> list[str]:
        """Of ranks that the sweep names as whole numbers."""
        command = [ADALORA, "sweep", *self.files(), "--output", str(self.runs), "--metric", self.metric]
        command += ["--ranks", ",".join(f"{rank:g}" for rank in ranks)]
        command += ["--seeds", ",".join(str(seed) for seed in self.seeds), "--no-discard", *self.threads]
        for key, value in self.data["set"].items():
            command += ["--set", f"{key}={value}"]
        return command

    def advise(self, seed: int, more: list[str] = []) -> list[str]:
        command = [ADALORA, "advise", *self.files(), "--seed", str(seed), "--json", *self.threads, *more]
        for key, value in self.data["set"].items():
            command += [f"--{key}", value]
        return command

    def train_head(self, seed: int) -> list[str]:
        """As the sweep's runs, without adapters."""
        folder = self.place("head", 0, seed)
        if any((folder / "checkpoints").glob("*")):
            return [ADALORA, "train", "--resume", str(folder), *self.threads]
        command = [ADALORA, "train", *self.files(), "--method", "head", "--seed", str(seed), "--output", str(folder), *self.threads]
        for key, value in self.data["set"].items():
            command += [f"--{key}", value]
        return command

    def place(self, method: str, rank: float, seed: int) -> Path:
        return self.folder / f"head-s{seed}" if method == "head" else self.runs / f"{method}-r{rank:g}-s{seed}"

    def run(self, method: str, rank: float, seed: int) -> tuple[float, float] | None:
        """Metric of the best evaluation and seconds of a run; None for one that has not ended."""
        file = self.place(method, rank, seed) / "events.jsonl"
        if not file.exists():
            return None
        events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        ends = [event for event in events if event["event"] == "end" and event["reason"] != "interrupted"]
        evaluations = [event for event in events if event["event"] == "evaluation"]
        if not ends or not evaluations:
            return None
        best = [event for event in evaluations if event.get("isBest")] or evaluations
        value = best[-1]["loss"] if self.metric == "loss" else best[-1]["metrics"].get(self.metric)
        return None if value is None else (value, ends[-1]["seconds"])

    def values(self, method: str, rank: float) -> list[float]:
        found = [self.run(method, rank, seed) for seed in self.seeds]
        return [value for value, _ in (one for one in found if one is not None)]

    def advice(self) -> dict[int, dict]:
        files = {seed: self.folder / f"advice-{seed}.json" for seed in self.advice_seeds}
        return {seed: json.loads(file.read_text()) for seed, file in files.items() if file.exists()}


def call(command: list[str], is_dry: bool, output: Path | None = None) -> None:
    print("+", shlex.join(command), file=sys.stderr, flush=True)
    if is_dry:
        return
    if output is None:
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
            raise SystemExit("error: the command above failed; the same command as before goes on from here")
        return
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit("error: the command above failed; the same command as before goes on from here")
    result = json.loads(done.stdout)
    result["wallSeconds"] = time.monotonic() - started
    temporary = output.with_suffix(".part")
    temporary.write_text(json.dumps(result, indent=1) + "\n")
    temporary.rename(output)


def swept_rank(rank: float) -> int:
    """The whole rank that stands for an advised one: a budget of half a triplet a matrix is no rank of LoRA's."""
    return max(1, math.floor(rank + 0.5))


def work(setting: Setting, is_dry: bool) -> None:
    setting.folder.mkdir(parents=True, exist_ok=True)
    call(setting.sweep(setting.ranks), is_dry)
    for seed in setting.advice_seeds:
        file = setting.folder / f"advice-{seed}.json"
        if not file.exists():
            call(setting.advise(seed), is_dry, file)
    rules = setting.folder / "rules.json"
    if not rules.exists():
        call(setting.advise(setting.advice_seeds[0], ["--rules-only"]), is_dry, rules)
    if is_dry:
        return
    if any(one["method"] == "head" for one in setting.advice().values()):
        for seed in setting.seeds:
            if setting.run("head", 0, seed) is None:
                command = setting.train_head(seed)
                if "--resume" not in command:
                    # What was ended before its first checkpoint.
                    shutil.rmtree(setting.place("head", 0, seed), ignore_errors=True)
                call(command, is_dry)
    wanted = {swept_rank(one["rank"]) for one in setting.advice().values() if one["method"] != "head"}
    wanted |= {swept_rank(rank) for rank in policies(setting).values()}
    missing = sorted(wanted - set(setting.ranks))
    if missing:
        # With the others, so that the sweep's picture has all of them.
        call(setting.sweep(sorted({*setting.ranks, *missing})), is_dry)


def policies(setting: Setting) -> dict[str, float]:
    """Ranks of the folk answers."""
    file = setting.folder / "rules.json"
    if not file.exists():
        return {}
    rules = json.loads(file.read_text())["rules"]
    return {"always 8": 8, "always 16": 16, "by row count": rules["rankByRows"], "rules alone": rules["rank"]}


def summarized(setting: Setting) -> dict | None:
    """All figures of a setting; None before its sweep has ended."""
    means = {}
    for method in METHODS:
        for rank in setting.ranks:
            values = setting.values(method, rank)
            if len(values) < len(setting.seeds):
                return None
            means[method, rank] = (statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0)
    choose = min if setting.is_error else max
    best = choose(means, key=lambda key: means[key][0])
    swept = sum(
        found[1] for method in METHODS for rank in setting.ranks for seed in setting.seeds
        if (found := setting.run(method, rank, seed)) is not None)
    # Spreads of few seeds are rough: one for all ranks; the median, as a rank at which runs fail says nothing of others' noise.
    deviation = statistics.median(spread for _, spread in means.values())
    error = deviation * math.sqrt(2 / len(setting.seeds))

    def judged(name: str, method: str, rank: float) -> dict | None:
        values = setting.values(method, rank if method == "head" else swept_rank(rank))
        if len(values) < len(setting.seeds):
            return None
        mean, top = statistics.mean(values), means[best][0]
        behind = mean - top if setting.is_error else top - mean
        quality = (top / mean if setting.is_error else mean / top) if mean and top else None
        return {
            "policy": name, "method": method, "rank": rank, "mean": mean, "quality": quality,
            "withinNoise": behind <= 2 * error, "parameters": rank / max(setting.ranks),
        }

    rows = []
    advice = setting.advice()
    for seed, one in advice.items():
        method = one["method"] if one["method"] in NAMES else "lora"
        rows.append(judged(f"advise, seed {seed}", method, one["rank"]))
    for name, rank in policies(setting).items():
        rows.append(judged(name, "lora", rank))
    ranks = [max(one["rank"], 1) for one in advice.values()]
    return {
        "setting": setting.name, "metric": setting.metric,
        "sweep": [
            {"method": method, "rank": rank, "mean": mean, "deviation": spread}
            for (method, rank), (mean, spread) in means.items()
        ],
        "best": {"method": best[0], "rank": best[1], "mean": means[best][0], "error": error},
        "sweepSeconds": swept,
        "adviceSeconds": [one["wallSeconds"] for one in advice.values()],
        "seedsFactor": max(ranks) / min(ranks) if ranks else None,
        "policies": [row for row in rows if row is not None],
    }


def table(summaries: list[dict]) -> str:
    lines = [
        "| setting | best of the sweep | policy | rank | quality | within noise | parameters | time |",
        "|---|---|---|---:|---:|---|---:|---:|",
    ]
    for one in summaries:
        best = one["best"]
        shown = f"{METHODS[best['method']]} {best['rank']}, {one['metric']} {best['mean']:.4f}"
        for at, row in enumerate(one["policies"]):
            seconds = one["adviceSeconds"][at] if row["policy"].startswith("advise") else 0
            share = f"{100 * seconds / one['sweepSeconds']:.1f} %" if one["sweepSeconds"] else "–"
            quality = "–" if row["quality"] is None else f"{100 * row['quality']:.1f} %"
            lines.append(
                f"| {one['setting']} | {shown} | {row['policy']} ({NAMES[row['method']]}) | {row['rank']:g} | {quality} | "
                f"{'yes' if row['withinNoise'] else 'no'} | {100 * row['parameters']:.0f} % | {share} |")
    names = []
    for one in summaries:
        names += [row["policy"] for row in one["policies"] if row["policy"] not in names]
    lines += ["", "| policy | settings at 99 % or within noise | mean parameters |", "|---|---:|---:|"]
    for name in names:
        rows = [row for one in summaries for row in one["policies"] if row["policy"] == name]
        good = sum((row["quality"] or 0) >= 0.99 or row["withinNoise"] for row in rows)
        lines.append(f"| {name} | {good} of {len(rows)} | {100 * statistics.mean(row['parameters'] for row in rows):.0f} % |")
    factors = [one["seedsFactor"] for one in summaries if one["seedsFactor"]]
    if factors:
        lines += ["", f"Two seeds of advise differ by a factor of {max(factors):.2f} at most."]
    return "\n".join(lines)


# Of Okabe and Ito, told apart by color-blind people too; advice alone is filled.
COLORS = ["#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#009E73", "#CC79A7"]


def behind(one: dict, row: dict) -> float:
    """Percent by which a policy's mean is behind the best of the sweep; of a loss, above it."""
    return 100 * (1 - row["quality"]) if row["quality"] is not None else math.nan


def picture(summaries: list[dict]) -> str:
    """SVG: a row a setting, a mark a policy; a band for what is within the noise of the sweep's best."""
    names = []
    for one in summaries:
        names += [row["policy"] for row in one["policies"] if row["policy"] not in names]
    colors = {name: COLORS[at % len(COLORS)] for at, name in enumerate(names)}
    shown = [value for one in summaries for row in one["policies"] if not math.isnan(value := behind(one, row))]
    noise = [200 * one["best"]["error"] / abs(one["best"]["mean"]) for one in summaries]
    low, high = min(0.0, *shown) - 0.2, max(1.5, *shown) * 1.05
    left, top, width, step, foot = 96, 58, 560, 44, 46
    height = top + step * len(summaries) + foot

    def x(value: float) -> float:
        return left + width * (min(value, high) - low) / (high - low)

    text = 'font-family="system-ui, sans-serif" font-size="12" fill="#333"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 24} {height}" role="img" '
        'aria-label="How far each answer to the question of rank is behind the best rank of a sweep">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    at = 14
    for name in names:
        fill = colors[name] if name.startswith("advise") else "#fff"
        parts.append(f'<circle cx="{at}" cy="20" r="5" fill="{fill}" stroke="{colors[name]}" stroke-width="2"/>')
        parts.append(f'<text x="{at + 9}" y="24" {text}>{name}</text>')
        at += 26 + 7 * len(name)
    parts.append(f'<rect x="{left - 6}" y="34" width="12" height="10" fill="#e8e8e8"/>')
    parts.append(f'<text x="{left + 10}" y="43" {text}>within the noise of the best</text>')
    bottom = top + step * len(summaries)
    for tick in range(math.ceil(low), math.floor(high) + 1, max(1, round((high - low) / 8))):
        line = "#888" if tick == 0 else "#ddd"
        parts.append(f'<path d="M{x(tick):.1f} {top}V{bottom}" stroke="{line}"/>')
        parts.append(f'<text x="{x(tick):.1f}" y="{bottom + 16}" text-anchor="middle" {text}>{tick} %</text>')
    parts.append(f'<text x="{left + width / 2}" y="{bottom + 36}" text-anchor="middle" {text}>behind the best rank of the sweep</text>')
    for place, (one, band) in enumerate(zip(summaries, noise)):
        y = top + step * place
        parts.append(
            f'<rect x="{x(0):.1f}" y="{y + 6}" width="{max(0.0, x(band) - x(0)):.1f}" height="{step - 12}" fill="#e8e8e8"/>')
        parts.append(f'<text x="{left - 10}" y="{y + step / 2 + 4}" text-anchor="end" {text}>{one["setting"]}</text>')
        for number, row in enumerate(one["policies"]):
            value = behind(one, row)
            if math.isnan(value):
                continue
            # Apart, so that equal ones are seen.
            middle = y + 9 + (step - 18) * number / max(1, len(one["policies"]) - 1)
            fill = colors[row["policy"]] if row["policy"].startswith("advise") else "#fff"
            parts.append(
                f'<circle cx="{x(value):.1f}" cy="{middle:.1f}" r="5" fill="{fill}" stroke="{colors[row["policy"]]}" stroke-width="2">'
                f'<title>{one["setting"]}, {row["policy"]}: rank {row["rank"]:g}, {value:.2f} % behind</title></circle>')
    return "\n".join(parts + ["</svg>"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    plan = json.loads(arguments.settings.read_text())
    names = [name for name in arguments.only.split(",") if name] or list(plan["settings"])
    for name in names:
        if name not in plan["settings"]:
            raise SystemExit(f"error: {name} is no setting of {arguments.settings}: {', '.join(plan['settings'])}")
    summaries = []
    for name in names:
        setting = Setting(name, plan, arguments.results, arguments.threads)
        figures = arguments.results / f"{name}.json"
        if figures.exists() and not setting.folder.exists():
            summaries.append(json.loads(figures.read_text()))
            continue
        if not arguments.table:
            work(setting, arguments.dry_run)
        summary = summarized(setting)
        if summary is not None:
            summaries.append(summary)
            if not arguments.dry_run:
                figures.write_text(json.dumps(summary, indent=1) + "\n")
    if summaries and not arguments.dry_run:
        (arguments.results / "behind.svg").write_text(picture(summaries))
    print(table(summaries))


if __name__ == "__main__":
    main()
