#!/usr/bin/env python3
"""Write PEFT's LoRA on models of two towers, with its gradients.

Base models: Tests/Goldens/pairs/NAME/model (run pairs_parity.py first), with its texts and images. Per model, in
Tests/Goldens/pairs/NAME:

adapter/                      LoRA on queries, values and the first matrices of feed-forward networks of both towers, random, as
                              PEFT saves it: of CLIP by the ends of names with a rank and an α of their own, of SigLIP by an
                              expression, since the head of its images has such matrices too
vision/                       (clip) LoRA on queries and values of the tower of images alone, by an expression
biases/                       (siglip) LoRA on queries of the tower of images, and the biases of all modules beside it
adapter_expected.safetensors  of each of them (FOLDER.) logits_per_image [4, 4], loss [1], grad.<module path>.lora_A [R, I] and
                              .lora_B [O, R] of transformers' own loss

    HF_HUB_OFFLINE=1 python3 scripts/goldens/pairs_adapters.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from pairs_parity import FOLDER, SEED, load
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

ADAPTERS = [
    ("clip", "adapter", dict(
        target_modules=["q_proj", "v_proj", "fc1"], rank_pattern={"text_model.encoder.layers.1.self_attn.q_proj": 3},
        alpha_pattern={r"vision_model\..*\.fc1": 7}), 12),
    ("clip", "vision", dict(target_modules=r"vision_model\.encoder\..*\.(q_proj|v_proj)"), 4),
    ("siglip", "adapter", dict(target_modules=r".*\.encoder\..*\.(q_proj|v_proj|fc1)"), 12),
    ("siglip", "biases", dict(target_modules=r"vision_model\.encoder\..*\.q_proj", bias="all"), 2),
]


def make(name, target, config, count):
    folder = os.path.join(FOLDER, name)
    model, batch = load(name)
    model = get_peft_model(model, LoraConfig(r=2, lora_alpha=3, lora_dropout=0.0, **config))
    generator = torch.Generator().manual_seed(SEED)
    adapted = set()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if ".lora_" in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
                adapted.add(key.split(".lora_")[0])
            elif parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    assert len(adapted) == count, adapted
    model.train()
    outputs = model(**batch, return_loss=True)
    outputs.loss.backward()
    tensors = {f"{target}.logits_per_image": outputs.logits_per_image.detach().contiguous().clone(),
               f"{target}.loss": outputs.loss.detach().reshape(1)}
    for key, parameter in model.named_parameters():
        if ".lora_" in key:
            short = key.replace("base_model.model.", "").replace(".default.weight", "")
            tensors[f"{target}.grad.{short}"] = parameter.grad.clone().contiguous()
    saved = os.path.join(folder, target)
    shutil.rmtree(saved, ignore_errors=True)
    # The path of this machine means nothing elsewhere.
    model.peft_config["default"].base_model_name_or_path = "../model"
    model.save_pretrained(saved)
    os.remove(os.path.join(saved, "README.md"))
    print(name, target, "loss", outputs.loss.item(), "gradients", len(tensors) - 2)
    return tensors


def main():
    torch.set_num_threads(1)
    found = {}
    for name, target, config, count in ADAPTERS:
        found.setdefault(name, {}).update(make(name, target, config, count))
    for name, tensors in found.items():
        save_file(tensors, os.path.join(FOLDER, name, "adapter_expected.safetensors"))


if __name__ == "__main__":
    main()
