#!/usr/bin/env python3
"""Write PEFT's LoRA on models that read images, with its gradients.

Base models: Tests/Goldens/vision/NAME/model (run vision_parity.py first), with its pixels. Per model, in
Tests/Goldens/vision/NAME:

adapter/                      LoRA of rank 2 on all matrices of a layer beside the whole classifier, random, as PEFT saves it, by
                              the names that modules have in transformers 5
earlier/                      (vit) the same by the names of transformers 4, as PEFT saved it there
adapter_expected.safetensors  logits [4, 3], grad.<module path>.lora_A [R, I] and .lora_B [O, R] of the mean cross-entropy

    HF_HUB_OFFLINE=1 python3 scripts/goldens/vision_adapters.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import json
import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageClassification
from vision_parity import FOLDER, SEED

MODULES = {
    "vit": ["q_proj", "k_proj", "v_proj", "o_proj", "fc1", "fc2"],
    "dinov2-gated": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}
EARLIER = [("layers.", "encoder.layer."), ("attention.q_proj", "attention.attention.query"),
           ("attention.k_proj", "attention.attention.key"), ("attention.v_proj", "attention.attention.value"),
           ("attention.o_proj", "attention.output.dense"), ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense")]


def renamed(text):
    for new, old in EARLIER:
        text = text.replace(new, old)
    return text


def write_earlier(folder):
    source, target = os.path.join(folder, "adapter"), os.path.join(folder, "earlier")
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    tensors = load_file(os.path.join(source, "adapter_model.safetensors"))
    save_file({renamed(key): tensor for key, tensor in tensors.items()}, os.path.join(target, "adapter_model.safetensors"),
              metadata={"format": "pt"})
    with open(os.path.join(source, "adapter_config.json")) as file:
        config = json.load(file)
    config["target_modules"] = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
    config["alpha_pattern"] = {"query": 7}
    with open(os.path.join(target, "adapter_config.json"), "w") as file:
        json.dump(config, file, indent=2)


def make(name, targets):
    folder = os.path.join(FOLDER, name)
    expected = load_file(os.path.join(folder, "expected.safetensors"))
    with open(os.path.join(folder, "batch.json")) as file:
        labels = torch.tensor(json.load(file)["labels"])
    model = AutoModelForImageClassification.from_pretrained(
        os.path.join(folder, "model"), attn_implementation="eager", dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(
        r=2, lora_alpha=3, lora_dropout=0.0, target_modules=targets, modules_to_save=["classifier"],
        alpha_pattern={"q_proj": 7}))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if ".lora_" in key or "modules_to_save" in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    model.train()
    outputs = model(pixel_values=expected["pixels"], labels=labels)
    outputs.loss.backward()
    tensors = {"logits": outputs.logits.detach().clone()}
    for key, parameter in model.named_parameters():
        if ".lora_" in key:
            short = key.replace("base_model.model.", "").replace(".default.weight", "")
            tensors[f"grad.{short}"] = parameter.grad.clone().contiguous()
    save_file(tensors, os.path.join(folder, "adapter_expected.safetensors"))
    # The path of this machine means nothing elsewhere.
    model.peft_config["default"].base_model_name_or_path = "../model"
    model.save_pretrained(os.path.join(folder, "adapter"))
    os.remove(os.path.join(folder, "adapter", "README.md"))
    if name == "vit":
        write_earlier(folder)
    print(name, "loss", outputs.loss.item(), "gradients", len(tensors) - 1)


def main():
    torch.set_num_threads(1)
    for name, targets in MODULES.items():
        make(name, targets)


if __name__ == "__main__":
    main()
