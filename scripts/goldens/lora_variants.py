#!/usr/bin/env python3
"""Write PEFT's rsLoRA, LoRA+, LoRA-FA, PiSSA and OLoRA on the tiny BERT: logits, gradients, 20 steps, folders.

Base model: Tests/Goldens/bert/model, batches: Tests/Goldens/adalora/batches.json (run adalora_parity.py first). All have
rank 3 on all six matrices of a layer. Files in Tests/Goldens/lora-variants:

start.safetensors        classifier.weight, .bias; <site>.lora_A [3, I], .lora_B (0) of the random starts
expected.json            settings and losses [20] of NAME in rslora, plus, fa, pissa, olora
expected.safetensors     NAME.logits [4, 5] of the first batch after 20 steps, NAME.grad.<site>.lora_B [O, 3] before them
NAME/, NAME-converted/   pissa (with use_rslora) and olora after 20 steps, as PEFT saves them: on changed base weights, and by
                         path_initial_model_for_weight_conversion

LoRA+ has B alone at the higher rate, as in the paper: PEFT's grouping takes the head's bias along, which is moved back here.
LoRA-FA's product is taken in Float32, where PEFT takes bf16 on machines that have it.

    HF_HUB_OFFLINE=1 python3 scripts/goldens/lora_variants.py   # torch 2.13.0, transformers 5.23.0, peft 0.21.2
"""

import os
import shutil
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import peft.optimizers.lorafa
import torch
from adalora_parity import (
    CLIP, EPSILON, GOLDENS, LEARNING_RATE, SEED, SITES, WEIGHT_DECAY, base_model, initialize, make_batches, snapshot,
    trainables)
from bert_parity import labels_of, padded, write_json
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from peft.optimizers import create_lorafa_optimizer, create_loraplus_optimizer
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

FOLDER = os.path.join(GOLDENS, "lora-variants")
RANK, STEPS, RATIO, FA_EPSILON = 3, 20, 16, 1e-12
VARIANTS = {
    "rslora": dict(lora_alpha=3, use_rslora=True), "plus": dict(lora_alpha=3), "fa": dict(lora_alpha=6),
    "pissa": dict(lora_alpha=3, use_rslora=True, init_lora_weights="pissa"),
    "olora": dict(lora_alpha=1.5, init_lora_weights="olora"),
}


def made(name):
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS, target_modules=SITES, r=RANK, lora_dropout=0.0, **VARIANTS[name])
    model = get_peft_model(base_model(torch.float32), config)
    if "init_lora_weights" not in VARIANTS[name]:
        initialize(model, SEED, zero=".lora_B")
    model.train()
    return model


def optimizer_of(name, model):
    parameters = trainables(model)
    if name == "plus":
        optimizer = create_loraplus_optimizer(
            model, torch.optim.AdamW, lr=LEARNING_RATE, loraplus_lr_ratio=RATIO, eps=EPSILON)
        groups = optimizer.param_groups
        bias = parameters["classifier.bias"]
        fast = [group for group in groups if group["lr"] > LEARNING_RATE]
        moved = [group for group in fast if any(p is bias for p in group["params"])]
        assert len(fast) == 2 and len(moved) == 1
        moved[0]["params"] = [p for p in moved[0]["params"] if p is not bias]
        groups[0]["params"].append(bias)
        factors = {id(p) for n, p in parameters.items() if n.endswith(".lora_B")}
        assert {id(p) for group in fast for p in group["params"]} == factors
        return optimizer
    if name == "fa":
        peft.optimizers.lorafa.is_bf16_available = lambda: False
        optimizer = create_lorafa_optimizer(model, r=RANK, lora_alpha=VARIANTS[name]["lora_alpha"], lr=LEARNING_RATE)
        for group in optimizer.param_groups:
            group["eps"] = FA_EPSILON
        return optimizer
    return torch.optim.AdamW(parameters.values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, eps=EPSILON)


def forward(model, batch):
    return model(**padded(batch)).logits


def train(name, batches, tensors):
    model = made(name)
    optimizer = optimizer_of(name, model)
    trained = [p for p in model.parameters() if p.requires_grad]
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = cross_entropy(forward(model, batches[step]), labels_of(batches[step]))
        loss.backward()
        if step == 0:
            for path, parameter in trainables(model).items():
                if path.endswith(".lora_B"):
                    tensors[f"{name}.grad.{path}"] = parameter.grad.detach().clone().contiguous()
        torch.nn.utils.clip_grad_norm_(trained, CLIP)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        tensors[f"{name}.logits"] = forward(model, batches[0]).clone()
    return model, losses


def save(name, model, logits, batches):
    kind = model.peft_config["default"].init_lora_weights
    model.peft_config["default"].base_model_name_or_path = "../bert/model"
    with tempfile.TemporaryDirectory() as start:
        fresh = made(name)
        fresh.peft_config["default"].init_lora_weights = True
        fresh.save_pretrained(start)
        plain = os.path.join(FOLDER, name)
        converted = os.path.join(FOLDER, name + "-converted")
        model.save_pretrained(plain)
        model.peft_config["default"].init_lora_weights = kind
        model.save_pretrained(converted, path_initial_model_for_weight_conversion=start)
    for folder in (plain, converted):
        os.remove(os.path.join(folder, "README.md"))
    # PEFT leaves the head out of the converted folder, and does not open it again therefore.
    reloaded = PeftModel.from_pretrained(base_model(torch.float32), plain).eval()
    with torch.no_grad():
        print(plain, "reloaded differs by", (forward(reloaded, batches[0]) - logits).abs().max().item())


def main():
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    batches = make_batches(SEED)
    save_file({name: value.contiguous() for name, value in snapshot(made("rslora")).items()},
              os.path.join(FOLDER, "start.safetensors"))
    tensors, expected = {}, {}
    for name in VARIANTS:
        model, losses = train(name, batches, tensors)
        scale = next(m.scaling["default"] for m in model.modules() if isinstance(getattr(m, "scaling", None), dict))
        expected[name] = {"losses": losses, "scale": scale}
        print(name, losses[0], losses[-1])
        if "init_lora_weights" in VARIANTS[name]:
            save(name, model, tensors[f"{name}.logits"], batches)
    save_file(tensors, os.path.join(FOLDER, "expected.safetensors"))
    write_json(os.path.join(FOLDER, "expected.json"), expected)


if __name__ == "__main__":
    main()
