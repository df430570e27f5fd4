#!/usr/bin/env python3
"""Write PEFT's DoRA on the Conv1D modules of the tiny GPT-2, whose weights are [I, O] (PEFT, PyTorch, float32 CPU).

Base model: Tests/Goldens/gpt2/model (run layer_norm_decoders.py first, which empties the folder). Files in Tests/Goldens/gpt2:

dora/                     DoRA of rank 3 on the four matrices of every layer, random, as PEFT saves it
dora_expected.safetensors on the sequences of batch.json, each run alone: loss, lastLogits [4, V] of the last tokens,
                          grad.<module path>.lora_A [R, I], .lora_B [O, R], .lora_magnitude_vector [O];
                          start.<module path>.lora_magnitude_vector: what PEFT starts it at, given A, B;
                          mergedLogits [4, V] after merge_and_unload, and merged.<weight> [I, O] of the first layer

    HF_HUB_OFFLINE=1 python3 scripts/goldens/dora_conv1d.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import json
import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS
from dora_parity import restart_magnitudes
from layer_norm_decoders import MODULES, SEED, expected, last, loaded, run, save_adapter
from peft import LoraConfig
from safetensors.torch import save_file
from transformers.pytorch_utils import Conv1D

FOLDER = os.path.join(GOLDENS, "gpt2")
MODEL, ADAPTER = os.path.join(FOLDER, "model"), os.path.join(FOLDER, "dora")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    shutil.rmtree(ADAPTER, ignore_errors=True)
    with open(os.path.join(FOLDER, "batch.json")) as file:
        sequences = json.load(file)["sequences"]
    save_adapter(MODEL, ADAPTER, LoraConfig(
        task_type="CAUSAL_LM", r=3, lora_alpha=5, target_modules=MODULES["gpt2"], use_dora=True))
    tensors = expected(MODEL, sequences, ADAPTER)
    kept = {key: value for key, value in tensors.items() if key == "loss" or ".lora_" in key}
    kept["lastLogits"] = last(tensors, sequences)
    starts = restart_magnitudes(loaded(MODEL, adapter=ADAPTER))
    merged = loaded(MODEL, adapter=ADAPTER).merge_and_unload()
    weights = {f"merged.{name}.weight": module.weight.detach().clone()
               for name, module in merged.named_modules() if isinstance(module, Conv1D) and ".h.0." in name}
    assert len(kept) == 2 + 3 * 8 and len(starts) == 8 and len(weights) == 4
    for parameter in merged.parameters():
        parameter.requires_grad_(True)
    merged_logits = last(run(merged, sequences), sequences)
    print("merged differs by", (merged_logits - kept["lastLogits"]).abs().max().item())
    save_file(kept | starts | weights | {"mergedLogits": merged_logits}, os.path.join(FOLDER, "dora_expected.safetensors"))


if __name__ == "__main__":
    main()
