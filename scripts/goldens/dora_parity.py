#!/usr/bin/env python3
"""Write PEFT's DoRA on the tiny BERT: logits, gradients, five AdamW steps, the merged model's logits.

Base model: Tests/Goldens/bert/model (run bert_parity.py first). Files in Tests/Goldens/dora:

adapter/                 DoRA of rank 2 on all six matrices of a layer, random, as PEFT saves it
batch.json               the sequences
expected.safetensors     logits [4, 5], merged [4, 5] after merge_and_unload, losses [5] of AdamW steps on the batch,
                         grad.<site>.lora_A [R, I], .lora_B [O, R], .lora_magnitude_vector [O], grad.classifier.weight
                         of the mean cross-entropy; start.<site>.lora_magnitude_vector: what PEFT starts it at, given A, B

    HF_HUB_OFFLINE=1 python3 scripts/goldens/dora_parity.py   # torch 2.13.0, transformers 5.23.0, peft 0.21.2
"""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from adalora_parity import (
    CLIP, EPSILON, GOLDENS, LEARNING_RATE, SITES, WEIGHT_DECAY, base_model, make_batches, short)
from bert_parity import labels_of, padded, write_json
from peft import LoraConfig, TaskType, get_peft_model
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

FOLDER = os.path.join(GOLDENS, "dora")
SEED = 7


def restart_magnitudes(model):
    """Puts magnitudes where PEFT starts them, at the norms of W + s·B·A, and gives them by name."""
    starts = {}
    for name, module in model.named_modules():
        if not getattr(module, "lora_magnitude_vector", None):
            continue
        module.lora_magnitude_vector["default"].update_layer(
            base_layer=module.get_base_layer(), lora_A=module.lora_A["default"].weight,
            lora_B=module.lora_B["default"].weight, scaling=module.scaling["default"])
        magnitude = module.lora_magnitude_vector["default"].weight
        starts[f"start.{short(name)}.lora_magnitude_vector"] = magnitude.detach().clone()
    return starts


def made():
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS, target_modules=SITES, r=2, lora_alpha=3, lora_dropout=0.0, use_dora=True)
    model = get_peft_model(base_model(torch.float32), config)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_A" in name or ".lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        starts = restart_magnitudes(model)
        for name, parameter in model.named_parameters():
            if ".lora_magnitude_vector" in name:
                parameter.mul_(1 + 0.2 * torch.randn(parameter.shape, generator=generator))
    model.train()
    return model, starts


def forward(model, batch):
    return model(**padded(batch)).logits


def main():
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)
    batch = make_batches(SEED)[0]
    model, tensors = made()
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    logits = forward(model, batch)
    tensors["logits"] = logits.detach().clone()
    cross_entropy(logits, labels_of(batch)).backward()
    for name, parameter in trainable.items():
        if ".lora_" in name or name.endswith("classifier.modules_to_save.default.weight"):
            tensors[f"grad.{short(name)}"] = parameter.grad.detach().clone().contiguous()
    model.peft_config["default"].base_model_name_or_path = "../bert/model"
    model.save_pretrained(os.path.join(FOLDER, "adapter"))
    os.remove(os.path.join(FOLDER, "adapter", "README.md"))
    optimizer = torch.optim.AdamW(trainable.values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, eps=EPSILON)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = cross_entropy(forward(model, batch), labels_of(batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable.values(), CLIP)
        optimizer.step()
        losses.append(loss.item())
    tensors["losses"] = torch.tensor(losses)
    again, _ = made()
    again.eval()
    tensors["merged"] = forward(again.merge_and_unload(), batch).detach().clone()
    save_file(tensors, os.path.join(FOLDER, "expected.safetensors"))
    write_json(os.path.join(FOLDER, "batch.json"), {"sequences": batch})
    print("losses", losses, "merged differs by", (tensors["merged"] - tensors["logits"]).abs().max().item())


if __name__ == "__main__":
    main()
