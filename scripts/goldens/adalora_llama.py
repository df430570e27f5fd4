#!/usr/bin/env python3
"""Write 20 steps of PEFT's AdaLoRA on the tiny Llama as a language model (float32 CPU).

Base model: Tests/Goldens/llama/model (run llama_parity.py first). All seven matrices of its three layers are adapted, of which
keys and values have half the heads. Rows are of different lengths, padded at their end; labels are -100 where a row is not
learned: its beginning, sometimes a stretch within, sometimes all of it. The loss is transformers' own. Files in
Tests/Goldens/adalora-llama:

batches.json                     ids and labels of each step's rows
initial, final.safetensors       <site>.lora_A [R, I], .lora_E [R], .lora_B [O, R]; λ begins random, so that a wrong mask shows
steps.json                       losses, norms, scores, masks of each step, as adalora_parity.py has them
logits.safetensors               final [4, V] and reloaded [4, V] of the last tokens of the first batch's rows, each run alone
peft_adapter/                    the trained adapter as PEFT saved it, of which `reloaded` is

    HF_HUB_OFFLINE=1 python3 scripts/goldens/adalora_llama.py             # torch 2.13.0, transformers 5.24.0, peft 0.21.2
    HF_HUB_OFFLINE=1 python3 scripts/goldens/adalora_llama.py --search 40 # compare seeds, write nothing
"""

import os
import random
import shutil
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from adalora_parity import (
    GOLDENS, WEIGHT, against_float64, describe, initialize, save_adapter, search, site_paths, snapshot, train_adalora)
from bert_parity import write_json
from llama_parity import MODULES, VOCABULARY
from peft import AdaLoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM

FOLDER = os.path.join(GOLDENS, "adalora-llama")
BASE = os.path.join(GOLDENS, "llama", "model")
STEPS, T_FINAL, SEED = 20, 5, 10
IGNORED, PADDING = -100, 2


def base_model(dtype=torch.float32):
    return LlamaForCausalLM.from_pretrained(BASE, attn_implementation="eager", dtype=dtype)


def adalora_model(seed, dtype=torch.float32):
    config = AdaLoraConfig(
        task_type="CAUSAL_LM", target_modules=MODULES, init_r=4, target_r=2, lora_alpha=8, lora_dropout=0.0,
        beta1=0.85, beta2=0.85, orth_reg_weight=WEIGHT, tinit=4, tfinal=T_FINAL, deltaT=2, total_step=STEPS)
    model = get_peft_model(base_model(dtype), config)
    initialize(model, seed, zero=())
    assert len(site_paths(model)) == 21, site_paths(model)
    model.train()
    return model


def random_row(generator):
    ids = [generator.randrange(3, VOCABULARY) for _ in range(generator.randint(4, 20))]
    labels = ids.copy()
    if generator.random() < 0.1:
        return {"ids": ids, "labels": [IGNORED] * len(ids)}
    prompt = generator.randrange(1, len(ids) - 1)
    labels[:prompt] = [IGNORED] * prompt
    if generator.random() < 0.4:
        start = generator.randrange(prompt, len(ids) - 1)
        end = generator.randrange(start, len(ids) - 1)
        labels[start:end] = [IGNORED] * (end - start)
    return {"ids": ids, "labels": labels}


def make_batches(seed):
    generator = random.Random(seed)
    return [[random_row(generator) for _ in range(4)] for _ in range(STEPS)]


def spoken(model, rows):
    """What a padded batch gives, PEFT's term in its loss, and the loss of the learned tokens alone."""
    longest = max(len(row["ids"]) for row in rows)

    def filled(key, filler):
        return torch.tensor([row[key] + [filler] * (longest - len(row[key])) for row in rows])

    labels = filled("labels", IGNORED)
    mask = torch.tensor([[1] * len(row["ids"]) + [0] * (longest - len(row["ids"])) for row in rows])
    outputs = model(input_ids=filled("ids", PADDING), attention_mask=mask, labels=labels)
    return outputs, cross_entropy(outputs.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)


def last_logits(model, rows):
    model.eval()
    with torch.no_grad():
        return torch.stack([model(input_ids=torch.tensor([row["ids"]])).logits[0, -1] for row in rows])


def main():
    torch.set_num_threads(1)
    if "--search" in sys.argv:
        return search(int(sys.argv[-1]), adalora_model, make_batches, spoken)
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    batches = make_batches(SEED)
    learned = [sum(label != IGNORED for row in batch for label in row["labels"][1:]) for batch in batches]
    rows = sum(batches, [])
    print("learned tokens of each step", learned, "of all", sum(len(row["ids"]) - 1 for row in rows),
          "rows without any", sum(all(label == IGNORED for label in row["labels"]) for row in rows))
    write_json(os.path.join(FOLDER, "batches.json"), {"steps": [{"sequences": batch} for batch in batches]})
    model = adalora_model(SEED)
    save_file(snapshot(model), os.path.join(FOLDER, "initial.safetensors"))
    start = last_logits(model, batches[0])
    model.train()
    steps, gaps = train_adalora(model, batches, spoken)
    for step in steps:
        del step["nonzero"]
    final = snapshot(model)
    save_file(final, os.path.join(FOLDER, "final.safetensors"))
    write_json(os.path.join(FOLDER, "steps.json"), {"steps": steps})
    logits = {"final": last_logits(model, batches[0])}
    saved = os.path.join(FOLDER, "peft_adapter")
    save_adapter(model, saved, "../llama/model")
    logits["reloaded"] = last_logits(PeftModel.from_pretrained(base_model(), saved), batches[0])
    plain = last_logits(base_model(), batches[0])
    save_file(logits, os.path.join(FOLDER, "logits.safetensors"))
    describe(steps, gaps)
    print("logits: reloaded - final", (logits["reloaded"] - logits["final"]).abs().max().item(),
          "final - start", (logits["final"] - start).abs().max().item(),
          "final - base model", (logits["final"] - plain).abs().max().item(), "largest", plain.abs().max().item())
    exact = adalora_model(SEED, torch.float64)
    print("float64: same masks, loss, relative score, final values",
          against_float64(exact, batches, steps, final, spoken))
    print("float64: final logits", (last_logits(exact, batches[0]) - logits["final"]).abs().max().item())


if __name__ == "__main__":
    main()
