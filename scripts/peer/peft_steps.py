#!/usr/bin/env python3
"""The PyTorch + PEFT side of compare-peft.sh: the commands and answers of Benchmarks/PeerSteps.

peft_steps.py TASK.json [--compile] [--answers-only]
"""

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from peft import AdaLoraConfig, AdaLoraModel, PeftModel, TaskType, get_peft_model
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from transformers import BertForSequenceClassification, ViTForImageClassification
from transformers.utils import logging

import peft_language_model
from batches import Batch, read_batches
from task import Task

SITES = (
    r"bert\.encoder\.layer\.\d+\.(attention\.self\.(query|key|value)|attention\.output\.dense"
    r"|intermediate\.dense|output\.dense)"
)
IMAGE_SITES = r"vit\.layers\.\d+\.(attention\.[qkvo]_proj|mlp\.fc[12])"
ORTHOGONALITY_WEIGHT = 0.5  # PEFT's default
LARGEST_GRADIENT_NORM = 1.0


def build_model(task: Task, answers_only: bool) -> PeftModel:
    kind: dict[str, Any] = {"task_type": TaskType.SEQ_CLS if task.labels else TaskType.CAUSAL_LM}
    if task.pixels:
        # PEFT knows no task of images.
        base, targets, kind = build_image_classifier(task), IMAGE_SITES, {"modules_to_save": ["classifier"]}
    elif task.labels:
        base, targets = build_classifier(task), SITES
    else:
        base = peft_language_model.open_base(Path(task.model), answers_only=answers_only)
        targets = peft_language_model.TARGETS
    config = AdaLoraConfig(
        **kind,
        target_modules=targets,
        init_r=task.initialRank,
        target_r=task.averageRank,
        lora_alpha=task.initialRank,
        lora_dropout=0.0,
        orth_reg_weight=ORTHOGONALITY_WEIGHT,
        tinit=task.warmupSteps,
        tfinal=task.finalSteps,
        deltaT=1,
        total_step=task.totalSteps,
    )
    model = get_peft_model(base, config)
    if task.start:
        set_start(model, Path(task.start))
    model.train()
    return model


def build_classifier(task: Task) -> BertForSequenceClassification:
    return BertForSequenceClassification.from_pretrained(
        task.model,
        num_labels=task.labels,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        classifier_dropout=0.0,
        dtype=torch.float32,
        attn_implementation="sdpa",
    )


def build_image_classifier(task: Task) -> ViTForImageClassification:
    return ViTForImageClassification.from_pretrained(
        task.model,
        num_labels=task.labels,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        dtype=torch.float32,
        attn_implementation="sdpa",
    )


def set_start(model: PeftModel, path: Path) -> None:
    """Adapters and head as the other side has them; λ, where the file has none, stays 0."""
    start = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad or (".lora_E." in name and plain_name(name) not in start):
                continue
            parameter.copy_(start.pop(plain_name(name)))
    if start:
        raise ValueError(f"{path}: no place for {sorted(start)}")


def plain_name(name: str) -> str:
    for part in ("base_model.model.", ".modules_to_save", ".default"):
        name = name.replace(part, "")
    return name


def collate(batch: Batch) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Padded to the longest; without a mask where nothing is padded, which is faster."""
    lengths = [len(example.ids) for example in batch]
    longest = max(lengths)
    ids = torch.tensor([example.ids + [0] * (longest - len(example.ids)) for example in batch])
    inputs = {"input_ids": ids}
    if min(lengths) < longest:
        positions = torch.arange(longest)
        inputs["attention_mask"] = (positions < torch.tensor(lengths)[:, None]).long()
    return inputs, torch.tensor([example.label for example in batch])


class ImageCollate:
    """Pixels [B, 3, H, W]."""

    def __init__(self, path: Path) -> None:
        self.pixels = load_file(path)["pixels"]

    def __call__(self, batch: Batch) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        chosen = self.pixels[[example.image for example in batch]]
        return {"pixel_values": chosen}, torch.tensor([example.label for example in batch])


class Run:
    def __init__(self, task: Task, compiled: bool, answers_only: bool) -> None:
        self.task = task
        self.batches = read_batches(Path(task.batches))
        self.collate = collate if task.labels else peft_language_model.collate
        if task.pixels:
            self.collate = ImageCollate(Path(task.pixels))
        self.model = build_model(task, answers_only)
        adalora = self.model.base_model
        assert isinstance(adalora, AdaLoraModel)
        self.adalora = adalora
        self.forward = torch.compile(self.model, dynamic=False) if compiled else self.model
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.lambdas = [p for name, p in self.model.named_parameters() if ".lora_E." in name]
        self.optimizer = torch.optim.AdamW(self.trainable, lr=task.learningRate, weight_decay=0.0, fused=True)

    def step(self, number: int) -> dict[str, Any]:
        """Step t on batch t, both from 1. Padding is not timed: a data loader would do it ahead."""
        batch = self.batches[number - 1]
        inputs, labels = self.collate(batch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.task.rate(number)

        start = time.perf_counter()
        outputs = self.forward(**inputs, labels=labels)
        outputs.loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trainable, LARGEST_GRADIENT_NORM)
        self.optimizer.step()
        self.adalora.update_and_allocate(number)
        self.optimizer.zero_grad(set_to_none=True)
        total = outputs.loss.item()
        elapsed = time.perf_counter() - start

        plain = cross_entropy(outputs.logits.detach(), labels).item() if self.task.labels else (
            peft_language_model.plain_loss(outputs.logits, labels)
        )
        return {
            "seconds": elapsed,
            "loss": plain,
            "regularizedLoss": total,
            "tokens": sum(example.length for example in batch),
            "alive": sum(int((values != 0).sum()) for values in self.lambdas),
        }

    def evaluate(self) -> dict[str, Any]:
        if self.task.validation is None:
            raise ValueError("the task names no validation file")
        examples = read_batches(Path(self.task.validation))[0]
        order = sorted(range(len(examples)), key=lambda index: len(examples[index].ids))
        logits = torch.empty(len(examples), self.task.labels)
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(order), 64):
                chosen = order[start : start + 64]
                inputs, _ = collate([examples[index] for index in chosen])
                logits[chosen] = self.model(**inputs).logits
        self.model.train()
        labels = torch.tensor([example.label for example in examples])
        return {"loss": cross_entropy(logits, labels).item(), "predictions": logits.argmax(dim=1).tolist()}


def probe(threads: int) -> dict[str, Any]:
    """PyTorch's own SGEMM, of the shape that PeerSteps measures."""
    a, b = torch.full((512 * threads, 384), 0.5), torch.full((1536, 384), 0.25)
    start = time.perf_counter()
    for _ in range(4):
        torch.mm(a, b.T)
    return {"gflops": 4 * 2 * len(a) * 384 * 1536 / (time.perf_counter() - start) / 1e9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("task", type=Path)
    parser.add_argument("--compile", action="store_true", help="run the model through torch.compile")
    parser.add_argument("--answers-only", action="store_true", help="logits of learned rows alone")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    # Whatever a library prints must not end up between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr

    task = Task.read(arguments.task)
    torch.set_num_threads(task.threads)
    run = Run(task, arguments.compile, arguments.answers_only)
    result: dict[str, Any] = {"ready": torch.__version__, "threads": torch.get_num_threads()}
    while True:
        print(json.dumps(result), file=answers, flush=True)
        words = sys.stdin.readline().split()
        match words:
            case ["step", number]:
                result = run.step(int(number))
            case ["evaluate"]:
                result = run.evaluate()
            case ["probe"]:
                result = probe(task.threads)
            case [] | ["quit"]:
                return
            case _:
                sys.exit(f"peft_steps: unknown command {' '.join(words)!r}")


if __name__ == "__main__":
    main()
