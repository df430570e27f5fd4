#!/usr/bin/env python3
"""Write DoRA over singular triplets under a falling budget, by its formulas in plain PyTorch (float64); no library has it.

Each matrix of a layer computes y = (m/‖V‖)∘(V·x) + b with V = W + s·P·Λ·Q, norms by row and without gradient. The loss has
AdaLoRA's squared penalty. Triplets are scored as they act, with g = m/‖V‖ after the update:

sensitivity   AdaLoRA's score of the elements of g∘P, λ and Q: the mean of Ī·Ū over each vector. Weights before the update
magnitude     |λ| · |g∘p|

Base model: Tests/Goldens/bert/model (run bert_parity.py first); batches: the first 20 of Tests/Goldens/adalora
(adalora_parity.py). Files in Tests/Goldens/adadora:

start.safetensors       <site>.lora_B [O, R] (P), .lora_E [R] (λ), .lora_A [R, I] (Q), .m [O], classifier.weight, .bias
expected.safetensors    gradients of the first batch's cross-entropy, grad.<name>; KIND.final.<site>.lora_X, KIND.logits [4, 5]
                        of the first batch after 20 steps, masked
expected.json           settings, and for each KIND its steps: taskLoss, penalty, and the masks after allocations

    HF_HUB_OFFLINE=1 python3 scripts/goldens/adadora_parity.py   # torch 2.13.0, transformers 5.24.0
"""

import json
import os
import re

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from adalora_parity import GOLDENS, SITES, base_model
from bert_parity import labels_of, padded, write_json
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

FOLDER = os.path.join(GOLDENS, "adadora")
SEED, RANK, SCALE = 11, 3, 1.5
STEPS, WARMUP, FINAL, INTERVAL, TARGET = 20, 3, 5, 2, 14
RATE, DECAY, EPSILON, CLIP = 5e-3, 0.01, 1e-8, 1.0
PENALTY, BETA = 0.05, 0.85


class Triplets(torch.nn.Module):
    """A linear layer with a magnitude for each row of W + s·P·Λ·Q."""

    def __init__(self, layer, generator):
        super().__init__()

        def random(*shape):
            return torch.randn(shape, generator=generator).double()

        self.weight, self.bias = layer.weight.detach(), layer.bias.detach()
        outputs, inputs = self.weight.shape
        # As float32 holds them, which is how they are saved.
        self.p = torch.nn.Parameter((random(outputs, RANK) * 0.3).float().double())
        self.e = torch.nn.Parameter((random(RANK) * 0.5).float().double())
        self.q = torch.nn.Parameter((random(RANK, inputs) * 0.3).float().double())
        self.m = torch.nn.Parameter((self.norms() * (1 + 0.2 * random(outputs))).float().double())

    def sum(self):
        return self.weight + SCALE * (self.p * self.e) @ self.q

    def norms(self):
        return self.sum().detach().norm(dim=1)

    def gains(self):
        return self.m / self.norms()

    def forward(self, x):
        return x @ (self.gains()[:, None] * self.sum()).T + self.bias

    def penalty(self):
        eye = torch.eye(RANK).double()
        return ((self.p.T @ self.p - eye) ** 2).sum() + ((self.q @ self.q.T - eye) ** 2).sum()


def adapted_model():
    model = base_model(torch.float64)
    for parameter in model.parameters():
        parameter.requires_grad = False
    generator = torch.Generator().manual_seed(SEED)
    sites = {}
    for name, module in list(model.named_modules()):
        if re.fullmatch(SITES, name):
            sites[name] = Triplets(module, generator)
            parent, child = name.rsplit(".", 1)
            setattr(model.get_submodule(parent), child, sites[name])
    assert len(sites) == 12
    trained = {}
    for name, site in sites.items():
        trained |= {f"{name}.lora_B": site.p, f"{name}.lora_E": site.e, f"{name}.lora_A": site.q, f"{name}.m": site.m}
    for name in ("classifier.weight", "classifier.bias"):
        trained[name] = model.get_parameter(name)
        trained[name].requires_grad = True
    return model.train(), sites, trained


def budget(step):
    start = RANK * 12
    if step <= WARMUP:
        return start
    if step > STEPS - FINAL:
        return TARGET
    return int(TARGET + (start - TARGET) * (1 - (step - WARMUP) / (STEPS - FINAL - WARMUP)) ** 3)


def allocates(step):
    return WARMUP < step <= STEPS - FINAL and (step % INTERVAL == 0 or step == STEPS - FINAL)


class Sensitivities:
    """Ī and Ū of the elements of g∘P, λ and Q. The gradient of an element of g∘P is that of P's divided by g."""

    def __init__(self, sites):
        self.averages = {name: [None] * 3 for name in sites}

    def observe(self, sites):
        for name, site in sites.items():
            gains = site.gains().detach()[:, None]
            values = [(gains * site.p, site.p.grad / gains), (site.e, site.e.grad), (site.q, site.q.grad)]
            for index, (value, gradient) in enumerate(values):
                now = (value * gradient).abs().detach()
                mean, spread = self.averages[name][index] or (torch.zeros_like(now), torch.zeros_like(now))
                mean = BETA * mean + (1 - BETA) * now
                spread = BETA * spread + (1 - BETA) * (now - mean).abs()
                self.averages[name][index] = (mean, spread)

    def scores(self, name, site):
        p, e, q = (mean * spread for mean, spread in self.averages[name])
        return e + p.mean(dim=0) + q.mean(dim=1)


class Magnitudes:
    def __init__(self, sites):
        pass

    def observe(self, sites):
        pass

    def scores(self, name, site):
        return (site.e.abs() * (site.gains()[:, None] * site.p).norm(dim=0)).detach()


def train(kind, batches):
    model, sites, trained = adapted_model()
    measure = {"sensitivity": Sensitivities, "magnitude": Magnitudes}[kind](sites)
    optimizer = torch.optim.AdamW(trained.values(), lr=RATE, weight_decay=DECAY, eps=EPSILON)
    masks = {name: torch.ones(RANK, dtype=torch.bool) for name in sites}
    records, gaps = [], []
    for step, batch in enumerate(batches, start=1):
        task = cross_entropy(model(**padded(batch)).logits, labels_of(batch))
        penalty = PENALTY * sum(site.penalty() for site in sites.values())
        optimizer.zero_grad()
        (task + penalty).backward()
        norm = torch.nn.utils.clip_grad_norm_(trained.values(), CLIP)
        if step <= STEPS - FINAL:
            measure.observe(sites)
        optimizer.step()
        record = {"taskLoss": task.item(), "penalty": penalty.item(), "gradientNorm": norm.item(), "masks": None}
        with torch.no_grad():
            if allocates(step):
                scores = torch.cat([measure.scores(name, site) for name, site in sites.items()])
                order = torch.sort(scores, descending=True, stable=True)
                kept = torch.zeros_like(scores, dtype=torch.bool)
                kept[order.indices[:budget(step)]] = True
                gaps.append((1 - order.values[budget(step)] / order.values[budget(step) - 1]).item())
                masks = dict(zip(sites, kept.split(RANK)))
                record["masks"] = {name: mask.tolist() for name, mask in masks.items()}
            if allocates(step) or step > STEPS - FINAL:
                for name, site in sites.items():
                    site.e[~masks[name]] = 0
        records.append(record)
    with torch.no_grad():
        logits = model(**padded(batches[0])).logits
    final = {name: value.detach().float().contiguous() for name, value in trained.items()}
    ranks = [int(mask.sum()) for mask in masks.values()]
    print(kind, "losses", [round(r["taskLoss"], 4) for r in records], "ranks", ranks, "smallest margin", min(gaps))
    assert 0 in ranks and max(ranks) > 1
    return records, final, logits


def main():
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(GOLDENS, "adalora", "batches.json")) as file:
        batches = [step["sequences"] for step in json.load(file)["steps"][:STEPS]]
    model, _, trained = adapted_model()
    start = {name: value.detach().float().contiguous() for name, value in trained.items()}
    save_file(start, os.path.join(FOLDER, "start.safetensors"))
    tensors = {}
    logits = model(**padded(batches[0])).logits
    tensors["logits"] = logits.detach().float()
    cross_entropy(logits, labels_of(batches[0])).backward()
    for name, value in trained.items():
        tensors[f"grad.{name}"] = value.grad.float().contiguous()
    expected = {"rank": RANK, "scale": SCALE, "rate": RATE, "penalty": PENALTY, "target": TARGET}
    for kind in ("sensitivity", "magnitude"):
        records, final, logits = train(kind, batches)
        expected[kind] = records
        tensors[f"{kind}.logits"] = logits.float()
        tensors |= {f"{kind}.final.{name}": value for name, value in final.items()}
    save_file(tensors, os.path.join(FOLDER, "expected.safetensors"))
    write_json(os.path.join(FOLDER, "expected.json"), expected)


if __name__ == "__main__":
    main()
