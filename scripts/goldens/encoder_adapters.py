#!/usr/bin/env python3
"""Write PEFT's LoRA on encoders whose attention knows distances, DeBERTa-v2 and MPNet, with its gradients.

Base models: Tests/Goldens/encoders/NAME/model (run encoders_parity.py first), with the batch beside it. Per architecture,
in Tests/Goldens/encoders/NAME:

adapter/                      LoRA of rank 2 on all six matrices of a layer, random, as PEFT saves it
adapter_expected.safetensors  logits [5, 3], grad.<module path>.lora_A [R, I] and .lora_B [O, R] of the mean cross-entropy

    HF_HUB_OFFLINE=1 python3 scripts/goldens/encoder_adapters.py   # torch 2.13.0, transformers 5.23.0, peft 0.21.2
"""

import json
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, labels_of
from encoders_parity import SEED
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification

# Beside the attention's own, dense is three layers of each block and DeBERTa's new pooler, which trains whole.
MODULES = {
    "deberta": (["query_proj", "key_proj", "value_proj", "attention.output.dense", "intermediate.dense", "output.dense"],
                ["classifier", "pooler"]),
    "mpnet": (["attn.q", "attn.k", "attn.v", "attn.o", "intermediate.dense", "output.dense"], ["classifier"]),
}


def make(name, targets, saved):
    folder = os.path.join(GOLDENS, "encoders", name)
    model = AutoModelForSequenceClassification.from_pretrained(
        os.path.join(folder, "model"), attn_implementation="eager", dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(
        task_type="SEQ_CLS", r=2, lora_alpha=3, lora_dropout=0.0, target_modules=targets, modules_to_save=saved))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if ".lora_" in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    model.train()
    with open(os.path.join(folder, "batch.json")) as file:
        sequences = json.load(file)["sequences"]
    longest, pad = max(len(s["ids"]) for s in sequences), model.config.pad_token_id
    outputs = model(
        input_ids=torch.tensor([s["ids"] + [pad] * (longest - len(s["ids"])) for s in sequences]),
        attention_mask=torch.tensor([[1] * len(s["ids"]) + [0] * (longest - len(s["ids"])) for s in sequences]),
        labels=labels_of(sequences))
    outputs.loss.backward()
    tensors = {"logits": outputs.logits.detach().clone()}
    for key, parameter in model.named_parameters():
        if ".lora_" in key:
            short = key.replace("base_model.model.", "").replace(".default.weight", "")
            tensors[f"grad.{short}"] = parameter.grad.clone().contiguous()
    save_file(tensors, os.path.join(folder, "adapter_expected.safetensors"))
    # The path of this machine means nothing elsewhere.
    model.peft_config["default"].base_model_name_or_path = "model"
    model.save_pretrained(os.path.join(folder, "adapter"))
    os.remove(os.path.join(folder, "adapter", "README.md"))
    print(name, "loss", outputs.loss.item(), "gradients", len(tensors) - 1)


def main():
    torch.set_num_threads(1)
    for name, (targets, saved) in MODULES.items():
        make(name, targets, saved)


if __name__ == "__main__":
    main()
