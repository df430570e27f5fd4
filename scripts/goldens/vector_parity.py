#!/usr/bin/env python3
"""Write what PEFT's (IA)³, its layer norm tuning and its biases compute on tiny models (PEFT, PyTorch, float32 CPU).

Base models: Tests/Goldens/{bert,gpt2,llama}/model (run bert_parity.py, layer_norm_decoders.py, llama_parity.py first). Folders
<method>-<model> in Tests/Goldens/vectors, each with

adapter/                 as PEFT saves it, all that trains moved away from the start. ia3: PEFT's own targets, which for BERT are
                         attention.output.dense too; norms: every layer norm (LN_TUNING); biases: every bias of the model, which PEFT
                         saves beside LoRA only, here of rank 1 on one matrix with B = 0
batch.json               the sequences, for a decoder each run alone
expected.safetensors     logits [4, K] of bert, or of the last tokens [S, V]; merged, the same after merge_and_unload;
                         losses [20] of AdamW steps on the batch; grad.<name> of the first one's loss, by PEFT's names without
                         "base_model.model.", "base_layer." and the adapter's name; of a decoder no head

    HF_HUB_OFFLINE=1 python3 scripts/goldens/vector_parity.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import json
import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from adalora_parity import CLIP, EPSILON, GOLDENS, LEARNING_RATE, WEIGHT_DECAY, base_model, make_batches
from bert_parity import labels_of, padded, write_json
from layer_norm_decoders import last, loaded, run
from peft import IA3Config, LNTuningConfig, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

FOLDER = os.path.join(GOLDENS, "vectors")
SEED, STEPS = 11, 20
NORMS = {"bert": ["LayerNorm"], "llama": ["input_layernorm", "post_attention_layernorm", "norm"]}
CARRIER = {"bert": "bert.encoder.layer.0.attention.self.query", "gpt2": "transformer.h.0.attn.c_attn"}
CASES = [("ia3", "bert"), ("ia3", "gpt2"), ("ia3", "llama"), ("norms", "bert"), ("norms", "llama"),
         ("biases", "bert"), ("biases", "gpt2")]


def base(model):
    return base_model(torch.float32) if model == "bert" else loaded(os.path.join(GOLDENS, model, "model"))


def config(method, model):
    task = {"task_type": "SEQ_CLS" if model == "bert" else "CAUSAL_LM"}
    if method == "ia3":
        return IA3Config(**task)
    if method == "norms":
        return LNTuningConfig(**task, target_modules=NORMS[model])
    return LoraConfig(**task, target_modules=[CARRIER[model]], r=1, lora_alpha=1, bias="all")


def save(method, model, folder):
    adapted = get_peft_model(base(model), config(method, model))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if parameter.requires_grad and ".lora_" not in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    adapted.peft_config["default"].base_model_name_or_path = "model"
    adapted.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))


def opened(model, folder):
    adapted = PeftModel.from_pretrained(base(model), folder, is_trainable=True).train()
    for name, parameter in adapted.named_parameters():
        if ".lora_" in name:
            parameter.requires_grad_(False)  # carries the biases
    return adapted


def short(name):
    for part in ("base_model.model.", "base_layer.", "modules_to_save.", "ln_tuning_layers.", "default."):
        name = name.replace(part, "")
    return name.removesuffix(".default")


def loss_of(adapted, model, batch):
    if model == "bert":
        return cross_entropy(adapted(**padded(batch)).logits, labels_of(batch))
    predicted = sum(len(sequence["ids"]) - 1 for sequence in batch)
    loss = 0
    for sequence in batch:
        ids = torch.tensor([sequence["ids"]])
        loss = loss + adapted(input_ids=ids, labels=ids, num_items_in_batch=predicted).loss
    return loss


def logits(adapted, model, batch):
    if model == "bert":
        return adapted(**padded(batch)).logits.detach().clone()
    for parameter in adapted.parameters():
        parameter.requires_grad_(True)
    return last(run(adapted, batch), batch)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    shutil.rmtree(FOLDER, ignore_errors=True)
    for method, model in CASES:
        folder = os.path.join(FOLDER, f"{method}-{model}")
        adapter = os.path.join(folder, "adapter")
        save(method, model, adapter)
        if model == "bert":
            batch = make_batches(SEED)[0]
        else:
            with open(os.path.join(GOLDENS, model, "batch.json")) as file:
                batch = [s for s in json.load(file)["sequences"] if len(s["ids"]) > 1]
        write_json(os.path.join(folder, "batch.json"), {"sequences": batch})
        tensors = {"logits": logits(opened(model, adapter), model, batch)}
        adapted = opened(model, adapter)
        trainable = {name: p for name, p in adapted.named_parameters() if p.requires_grad}
        optimizer = torch.optim.AdamW(trainable.values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, eps=EPSILON)
        losses = []
        for step in range(STEPS):
            optimizer.zero_grad()
            loss = loss_of(adapted, model, batch)
            loss.backward()
            if step == 0:
                for name, parameter in trainable.items():
                    if parameter.grad is not None:
                        tensors[f"grad.{short(name)}"] = parameter.grad.detach().clone().contiguous()
            torch.nn.utils.clip_grad_norm_([p for p in trainable.values() if p.grad is not None], CLIP)
            optimizer.step()
            losses.append(loss.item())
        tensors["losses"] = torch.tensor(losses)
        tensors["merged"] = logits(opened(model, adapter).merge_and_unload(), model, batch)
        save_file(tensors, os.path.join(folder, "expected.safetensors"))
        print(method, model, len(tensors), "losses", losses[0], losses[-1], "merged differs by",
              (tensors["merged"] - tensors["logits"]).abs().max().item())
        print("  ", sorted(name for name in tensors)[:6])


if __name__ == "__main__":
    main()
