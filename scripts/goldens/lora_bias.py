#!/usr/bin/env python3
"""Write PEFT's LoRA beside biases that train, `bias` all and lora_only, on the tiny BERT: gradients, 20 steps, folders.

Base model: Tests/Goldens/bert/model, batches and starts: Tests/Goldens/adalora, lora-variants (run adalora_parity.py and
lora_variants.py first); rank 3 on the queries and the output matrices. Files in Tests/Goldens/lora-bias, for KIND in all, lora_only:

expected.safetensors     KIND.losses [20], KIND.logits [4, 5] of the first batch after them, KIND.grad.<bias> before them
KIND/                    after 20 steps, as PEFT saves it

    HF_HUB_OFFLINE=1 python3 scripts/goldens/lora_bias.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from adalora_parity import CLIP, EPSILON, GOLDENS, LEARNING_RATE, SEED, WEIGHT_DECAY, base_model, make_batches
from bert_parity import labels_of, padded
from peft import LoraConfig, TaskType, get_peft_model
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy

FOLDER = os.path.join(GOLDENS, "lora-bias")
RANK, STEPS = 3, 20
SITES = r"bert\.encoder\.layer\.\d+\.(attention\.self\.query|output\.dense)"


def short(name):
    for part in ("base_model.model.", "base_layer.", "modules_to_save.", "default."):
        name = name.replace(part, "")
    return name


def made(kind):
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS, target_modules=SITES, r=RANK, lora_alpha=3, lora_dropout=0.0, bias=kind)
    model = get_peft_model(base_model(torch.float32), config)
    # Of its own: loaded weights are a mapped file, and steps of biases would reach the next model.
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    start = load_file(os.path.join(GOLDENS, "lora-variants", "start.safetensors"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_A" in name:
                parameter.copy_(start[short(name).removesuffix(".weight")])
    return model.train()


def main():
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    batches, tensors = make_batches(SEED), {}
    for kind in ("all", "lora_only"):
        model = made(kind)
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        optimizer = torch.optim.AdamW(trained.values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, eps=EPSILON)
        losses = []
        for step in range(STEPS):
            optimizer.zero_grad()
            loss = cross_entropy(model(**padded(batches[step])).logits, labels_of(batches[step]))
            loss.backward()
            if step == 0:
                for name, parameter in trained.items():
                    if name.endswith(".bias") and parameter.grad is not None:
                        tensors[f"{kind}.grad.{short(name)}"] = parameter.grad.detach().clone()
            torch.nn.utils.clip_grad_norm_([p for p in trained.values() if p.grad is not None], CLIP)
            optimizer.step()
            losses.append(loss.item())
        tensors[f"{kind}.losses"] = torch.tensor(losses)
        model.eval()
        with torch.no_grad():
            tensors[f"{kind}.logits"] = model(**padded(batches[0])).logits.clone()
        model.peft_config["default"].base_model_name_or_path = "../bert/model"
        folder = os.path.join(FOLDER, kind)
        model.save_pretrained(folder)
        os.remove(os.path.join(folder, "README.md"))
        grads = [name for name in tensors if name.startswith(f"{kind}.grad")]
        print(kind, len(grads), "biases", losses[0], losses[-1], grads[:4])
    save_file(tensors, os.path.join(FOLDER, "expected.safetensors"))


if __name__ == "__main__":
    main()
