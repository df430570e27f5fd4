#!/usr/bin/env python3
"""Write bottleneck adapters of AdapterHub's library on the tiny BERT, Llama and GPT-2: logits, gradients, 20 AdamW steps.

Base models: Tests/Goldens/{bert,llama,gpt2}/model. Files in Tests/Goldens/bottleneck/MODEL-KIND, KIND one of houlsby
(double_seq_bn), pfeiffer (seq_bn), parallel (par_bn), each of
width hidden / 8 with random weights, on the sequences of MODEL/batch.json:

hub/                     the adapter as the library saves it with safetensors, BERT's with its head
expected.safetensors     logits [B, K] of BERT, or [B, V] of the last tokens; grad.<tensor of the adapter> and
                         grad.classifier.weight of the mean loss; losses [20] of AdamW steps on the batch;
                         final [B, …] logits after them

    /PATH/TO/VENV/bin/python scripts/goldens/bottleneck_adapters.py   # torch 2.13.0, adapters 1.3.0, transformers 4.57.6
"""

import json
import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import adapters
import torch
from adapters import DoubleSeqBnConfig, ParBnConfig, SeqBnConfig
from safetensors.torch import load_file, save_file
from transformers import BertForSequenceClassification, GPT2LMHeadModel, LlamaForCausalLM

GOLDENS = os.path.join(os.path.dirname(__file__), "..", "..", "Tests", "Goldens")
FOLDER = os.path.join(GOLDENS, "bottleneck")
MODELS = {"bert": BertForSequenceClassification, "llama": LlamaForCausalLM, "gpt2": GPT2LMHeadModel}
KINDS = {"houlsby": DoubleSeqBnConfig, "pfeiffer": SeqBnConfig, "parallel": ParBnConfig}
NAME, STEPS, RATE, DECAY, EPSILON, CLIP = "tuned", 20, 1e-3, 0.01, 1e-8, 1.0


def sequences(name):
    with open(os.path.join(GOLDENS, name, "batch.json")) as file:
        return json.load(file)["sequences"]


def padded(rows, key, filler):
    longest = max(len(row["ids"]) for row in rows)
    return torch.tensor([row.get(key, [0] * len(row["ids"])) + [filler] * (longest - len(row["ids"])) for row in rows])


def masked(rows):
    return padded([{"ids": row["ids"], "mask": [1] * len(row["ids"])} for row in rows], "mask", 0)


def outputs(model, name, rows):
    """The logits that are compared, and the mean loss."""
    if name == "bert":
        logits = model(
            input_ids=padded(rows, "ids", 0), token_type_ids=padded(rows, "types", 0),
            attention_mask=masked(rows)).logits
        return logits, torch.nn.functional.cross_entropy(logits, torch.tensor([row["label"] for row in rows]))
    logits = model(input_ids=padded(rows, "ids", 2), attention_mask=masked(rows)).logits
    labels = padded([{"ids": row["ids"], "labels": row["ids"]} for row in rows], "labels", -100)
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
    return torch.stack([logits[index, len(row["ids"]) - 1] for index, row in enumerate(rows)]), loss


def made(name, kind, dtype=torch.float32):
    path = os.path.join(GOLDENS, name, "model")
    model = MODELS[name].from_pretrained(path, attn_implementation="eager", dtype=dtype)
    adapters.init(model)
    model.add_adapter(NAME, config=KINDS[kind](reduction_factor=8))
    model.train_adapter(NAME)
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if f".adapters.{NAME}." in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    model.train()
    return model.to(dtype)


def rename(path, base):
    """Names the base model so in a file of the library."""
    with open(path) as file:
        content = json.load(file)
    content["model_name"] = base
    with open(path, "w") as file:
        json.dump(content, file, indent=2, sort_keys=True)
        file.write("\n")


def main():
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name in MODELS:
        rows = sequences(name)
        for kind in KINDS:
            folder = os.path.join(FOLDER, f"{name}-{kind}")
            os.makedirs(folder)
            model = made(name, kind)
            trained = {
                key: parameter for key, parameter in model.named_parameters()
                if f".adapters.{NAME}." in key or key.startswith("classifier.")}
            for key, parameter in model.named_parameters():
                parameter.requires_grad_(key in trained)
            hub = os.path.join(folder, "hub")
            model.save_adapter(hub, NAME, use_safetensors=True, with_head=name == "bert")
            for file in os.listdir(hub):
                if file.endswith(".json"):
                    rename(os.path.join(hub, file), f"../{name}/model")
            saved = load_file(os.path.join(hub, "adapter.safetensors"))
            logits, loss = outputs(model, name, rows)
            loss.backward()
            tensors = {"logits": logits.detach().clone()}
            for key, parameter in trained.items():
                assert key in saved or key.startswith("classifier."), key
                tensors[f"grad.{key}"] = parameter.grad.detach().clone()
            optimizer = torch.optim.AdamW(trained.values(), lr=RATE, weight_decay=DECAY, eps=EPSILON)
            losses = []
            for _ in range(STEPS):
                optimizer.zero_grad()
                _, loss = outputs(model, name, rows)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(trained.values(), CLIP)
                optimizer.step()
                losses.append(loss.item())
            tensors["losses"] = torch.tensor(losses)
            tensors["final"] = outputs(model, name, rows)[0].detach().clone()
            save_file(tensors, os.path.join(folder, "expected.safetensors"))
            exact = made(name, kind, torch.float64)
            exact_logits, _ = outputs(exact, name, rows)
            print(name, kind, sorted(saved)[:4], "losses", losses[0], losses[-1], "float64",
                  (exact_logits - tensors["logits"]).abs().max().item())


if __name__ == "__main__":
    main()
