#!/usr/bin/env python3
"""Write 20 steps of PEFT's AdaLoRA on the tiny CLIP (float32 CPU), whose loss is transformers' own.

Base model: Tests/Goldens/pairs/clip/model (run pairs_parity.py first), all six matrices of the two layers of both towers adapted;
what both share, projections and temperature, stays as it is. Files in Tests/Goldens/adalora-clip:

images.safetensors               pixels [16, 3, 12, 12]
batches.json                     the token ids of the text of each image, and which four pairs each step learns from
initial, final.safetensors       <site>.lora_A [R, I], .lora_E [R], .lora_B [O, R]; λ begins random
steps.json                       losses, norms, scores, masks of each step, as adalora_parity.py has them
logits.safetensors               final and reloaded logits_per_image [4, 4] of the first step's pairs
peft_adapter/                    the trained adapter as PEFT saved it, of which `reloaded` is

    HF_HUB_OFFLINE=1 python3 scripts/goldens/adalora_clip.py             # torch 2.13.0, transformers 5.24.0, peft 0.21.2
    HF_HUB_OFFLINE=1 python3 scripts/goldens/adalora_clip.py --search 20 # compare seeds, write nothing
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
from pairs_parity import END, FILL, FOLDER as PAIRS, inputs
from peft import AdaLoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import CLIPModel

FOLDER = os.path.join(GOLDENS, "adalora-clip")
BASE = os.path.join(PAIRS, "clip", "model")
MODULES = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
STEPS, T_FINAL, SEED, COUNT = 20, 5, 7, 16

GENERATOR = torch.Generator().manual_seed(20261201)
PIXELS = torch.randn((COUNT, 3, 12, 12), generator=GENERATOR)
TEXTS = [torch.randint(3, FILL - 1, (3 + index % 8,), generator=GENERATOR).tolist() + [END] for index in range(COUNT)]


def base_model(dtype=torch.float32):
    return CLIPModel.from_pretrained(BASE, attn_implementation="eager", dtype=dtype)


def adalora_model(seed, dtype=torch.float32):
    config = AdaLoraConfig(
        target_modules=MODULES, init_r=4, target_r=2, lora_alpha=8, lora_dropout=0.0, beta1=0.85, beta2=0.85,
        orth_reg_weight=WEIGHT, tinit=4, tfinal=T_FINAL, deltaT=2, total_step=STEPS)
    model = get_peft_model(base_model(dtype), config)
    initialize(model, seed, zero=())
    assert len(site_paths(model)) == 24, site_paths(model)
    model.train()
    return model


def make_batches(seed):
    generator = random.Random(seed)
    return [generator.sample(range(COUNT), 4) for _ in range(STEPS)]


def batch_of(model, rows):
    return inputs([TEXTS[row] for row in rows], PIXELS[rows].to(next(model.parameters()).dtype))


def seen(model, rows):
    """What a batch gives, PEFT's term in its loss, and transformers' loss alone. Without a task that it knows, PEFT's outer model
    goes around the term."""
    outputs = model.base_model(**batch_of(model, rows), return_loss=True)
    labels = torch.arange(len(rows))
    return outputs, (torch.nn.functional.cross_entropy(outputs.logits_per_image, labels)
                     + torch.nn.functional.cross_entropy(outputs.logits_per_text, labels)) / 2


def logits(model, rows):
    model.eval()
    with torch.no_grad():
        return model(**batch_of(model, rows)).logits_per_image.contiguous().clone()


def main():
    torch.set_num_threads(1)
    if "--search" in sys.argv:
        return search(int(sys.argv[-1]), adalora_model, make_batches, seen)
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    batches = make_batches(SEED)
    save_file({"pixels": PIXELS}, os.path.join(FOLDER, "images.safetensors"))
    write_json(os.path.join(FOLDER, "batches.json"), {"texts": TEXTS, "steps": batches})
    model = adalora_model(SEED)
    save_file(snapshot(model), os.path.join(FOLDER, "initial.safetensors"))
    steps, gaps = train_adalora(model, batches, seen)
    for step in steps:
        del step["nonzero"]
    final = snapshot(model)
    save_file(final, os.path.join(FOLDER, "final.safetensors"))
    write_json(os.path.join(FOLDER, "steps.json"), {"steps": steps})
    found = {"final": logits(model, batches[0])}
    saved = os.path.join(FOLDER, "peft_adapter")
    save_adapter(model, saved, "../pairs/clip/model")
    found["reloaded"] = logits(PeftModel.from_pretrained(base_model(), saved), batches[0])
    save_file(found, os.path.join(FOLDER, "logits.safetensors"))
    describe(steps, gaps)
    print("reloaded - final logits", (found["reloaded"] - found["final"]).abs().max().item())
    exact = adalora_model(SEED, torch.float64)
    print("float64: same masks, loss, relative score, final values",
          against_float64(exact, batches, steps, final, seen))


if __name__ == "__main__":
    main()
