"""Run folders that a report must survive, written without training: `make_runs.py FOLDER`.

large: 100,000 steps, 500 matrices (like a 70-layer model), 1,000 allocations; one: a single step; hostile: names,
labels and paths that are markup; diverged: a loss that ends as null; bare: a folder with little more than its start;
going: no end record.
"""

import json
import math
import random
import sys
from pathlib import Path

ROLES = ["query", "key", "value", "attention-output", "intermediate", "output"]
HOSTILE = "<script>alert(\"x\")</script>'\"&<b>"


class Run:
    def __init__(self, folder, layers, roles, steps, initial, final, labels=("no", "yes"), **start):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sites = [(f"layer.{layer}.{role}", layer, role) for layer in range(layers) for role in roles]
        self.steps = steps
        self.final_start = steps * 6 // 10
        self.warmup = steps // 10
        self.budgets = (initial * len(self.sites), final)
        self.events = [{
            "event": "start", "method": "adalora", "totalSteps": steps, "stepsPerEpoch": max(steps // 3, 1),
            "completedSteps": 0, "trainExamples": 32 * max(steps // 3, 1), "validationExamples": 64,
            "labels": list(labels),
            "sites": [{"site": name, "layer": layer, "role": role, "outputs": 1024, "inputs": 1024}
                      for name, layer, role in self.sites],
            "allocator": "prune", "budgetUnit": "triplets", "initialBudget": self.budgets[0], "finalBudget": final,
            "warmupSteps": self.warmup, "finalSteps": steps - self.final_start, "trainableParameters": 1_000_000,
            "frozenParameters": 300_000_000, "threads": 2, "kernel": "Haswell", **start}]
        self.ranks = ["step,site,layer,role,rank"]
        self.triplets = []
        self.random = random.Random(7)
        self.quality = [0.4 + layer / layers + 0.5 * self.random.random() for _, layer, _ in self.sites]
        self.add_ranks(0, [initial] * len(self.sites))

    def budget(self, step):
        if step <= self.warmup:
            return self.budgets[0]
        left = max(0.0, 1 - (step - self.warmup) / max(self.final_start - self.warmup, 1))
        return int(self.budgets[1] + (self.budgets[0] - self.budgets[1]) * left ** 3)

    def ranks_at(self, step):
        budget = self.budget(step)
        total = sum(self.quality)
        ranks = [int(budget * quality / total) for quality in self.quality]
        for at in sorted(range(len(ranks)), key=lambda at: -self.quality[at])[: budget - sum(ranks)]:
            ranks[at] += 1
        return ranks

    def add_step(self, step, loss):
        budget = self.budget(step)
        phase = "warmup" if step <= self.warmup else "budgeting" if step <= self.final_start else "final"
        self.events.append({
            "event": "step", "step": step, "epoch": 3 * step / self.steps, "phase": phase, "loss": loss,
            "orthogonality": 0, "gradientNorm": 1 + self.random.random(), "learningRate": 0.001, "budget": budget,
            "rank": budget, "tokens": 400 + self.random.randrange(200), "seconds": 0.2 + 0.1 * self.random.random()})

    def add_ranks(self, step, ranks):
        for (name, layer, role), rank in zip(self.sites, ranks):
            self.ranks.append(f"{step},{name},{layer},{role},{rank}")

    def add_allocation(self, step):
        ranks = self.ranks_at(step)
        self.events.append({
            "event": "allocation", "step": step, "budget": self.budget(step), "spent": sum(ranks), "ranks": ranks,
            "threshold": 1e-9, "worstKept": 1e-9, "bestPruned": 9e-10, "returned": 1, "left": 4, "added": 0})
        self.add_ranks(step, ranks)
        return ranks

    def add_triplets(self, step, ranks):
        sites = []
        for rank in ranks:
            values = sorted((self.random.random() + 0.01 for _ in range(rank)), reverse=True)
            scores = [10 ** self.random.uniform(-9, -5) for _ in range(rank)] + [10 ** self.random.uniform(-13, -9)]
            sites.append({"kept": "1" * rank + "0", "values": [round(value, 5) for value in values],
                          "importance": [float(f"{score:.4e}") for score in scores], "error": 1e-6, "energy": 0.99})
        self.triplets.append({"step": step, "sites": sites})

    def add_evaluation(self, step, loss, best):
        self.events.append({
            "event": "evaluation", "step": step, "loss": loss,
            "metrics": {"accuracy": None if loss is None else 1 - loss / 5, "macro-f1": None}, "isBest": best,
            "seconds": 1.5})

    def write(self, ended=True, config=None):
        if ended:
            self.events.append({
                "event": "end", "reason": "completed", "step": self.steps, "bestStep": None,
                "ranks": self.ranks_at(self.steps), "trainableParameters": 400_000, "tokens": 500 * self.steps,
                "seconds": 0.3 * self.steps, "peakMemoryBytes": 2_000_000_000})
        lines = {"events.jsonl": [json.dumps(event) for event in self.events], "ranks.csv": self.ranks,
                 "triplets.jsonl": [json.dumps(record) for record in self.triplets]}
        for name, content in lines.items():
            if content:
                (self.folder / name).write_text("\n".join(content) + "\n")
        if config:
            (self.folder / "config.yaml").write_text(config)


def loss_at(step, steps, noise):
    return 0.5 + 3 * math.exp(-5 * step / steps) + 0.3 * noise


def trained(run, every, evaluations, diverges=None):
    for step in range(1, run.steps + 1):
        loss = loss_at(step, run.steps, run.random.gauss(0, 1))
        run.add_step(step, None if diverges and step >= diverges else loss)
        if step % every == 0 and run.warmup < step <= run.final_start:
            ranks = run.add_allocation(step)
            if step % (5 * every) == 0:
                run.add_triplets(step, ranks)
        if step % max(run.steps // evaluations, 1) == 0:
            run.add_evaluation(step, None if diverges and step >= diverges else loss_at(step, run.steps, 0),
                               step == run.steps)
    run.add_ranks(run.steps, run.ranks_at(run.steps))
    run.add_triplets(run.steps, run.ranks_at(run.steps))
    return run


def main(folder):
    folder = Path(folder)
    # One spike in 100,000 steps: a report that thins must still show it.
    large = Run(folder / "large", 72, ROLES + ["gate"], 100_000, 12, 2000)
    large.sites, large.quality = large.sites[:500], large.quality[:500]
    large.events[0]["sites"] = large.events[0]["sites"][:500]
    large.events[0]["initialBudget"] = 6000
    large.budgets = (6000, 2000)
    large.ranks = large.ranks[:501]
    trained(large, 60, 50)
    spike = next(event for event in large.events if event["event"] == "step" and event["step"] == 70_001)
    spike["loss"] = 9.75
    large.write()

    one = Run(folder / "one", 2, ROLES, 1, 3, 36)
    one.add_step(1, 1.25)
    one.add_ranks(1, [3] * 12)
    one.write()

    hostile = Run(folder / "hostile<b>&\"'", 2, [*ROLES[:2], HOSTILE], 40, 4, 12, labels=(HOSTILE, "</script><script>alert(1)</script>"),
                  environment={HOSTILE: HOSTILE, "cpu": HOSTILE}, hashes={"model": HOSTILE}, date=HOSTILE)
    hostile.events.append({"event": "warning", "text": HOSTILE})
    trained(hostile, 1, 4).write(config=f"model: {json.dumps(HOSTILE)}\ntrain: {json.dumps('</script>' + HOSTILE)}\n"
                                 f"output: {json.dumps(HOSTILE)}\nbudget: 12\n")
    trained(Run(folder / "diverged", 4, ROLES, 200, 6, 40), 1, 4, diverges=120).write()
    going = Run(folder / "going", 4, ROLES, 200, 6, 40)
    for step in range(1, 61):
        going.add_step(step, loss_at(step, 200, 0))
        if step > 20:
            going.add_triplets(step, going.add_allocation(step))
    going.write(ended=False)
    bare = Run(folder / "bare", 2, ROLES, 100, 3, 12)
    bare.ranks = bare.ranks[:1]
    bare.write(ended=False)
    head = Run(folder / "head", 0, ROLES, 30, 0, 0, method="head")
    head.ranks = head.ranks[:1]
    for step in range(1, 31):
        head.add_step(step, loss_at(step, 30, 0))
    head.write()


if __name__ == "__main__":
    main(sys.argv[1])
