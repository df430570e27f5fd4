#!/usr/bin/env python3
"""Write the goldens of merged adapters with the reference implementation (Hugging Face PEFT, float32 CPU).

Base model: Tests/Goldens/bert/model (run bert_parity.py first). Two random LoRA adapters of other ranks, scales and
targets, saved by PEFT, and what add_weighted_adapter makes of them at full rank: dense updates [O, I] by
combination type. See scripts/goldens/README.md.

    HF_HUB_OFFLINE=1 python3 scripts/goldens/merge_parity.py             # peft 0.21.2, torch 2.13.0
"""

import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

from adalora_parity import base_model
from bert_parity import GOLDENS

FOLDER = os.path.join(GOLDENS, "merge")
# No rank of a matrix is larger, so that nothing is cut. Matrices of 32 and 64.
FULL_RANK = 32
WEIGHTS = [0.75, -0.5]
DENSITY = 0.3
# Without a task type: PEFT merges no adapters that have a head.
COMMON = {"init_lora_weights": False}
CONFIGS = {
    "first": LoraConfig(r=3, lora_alpha=6, target_modules=["query", "intermediate.dense"], **COMMON),
    "second": LoraConfig(r=2, lora_alpha=1, use_rslora=True, rank_pattern={"layer.1.attention.self.query": 4},
                    target_modules=["query", "value"], **COMMON),
}


def main():
    torch.manual_seed(5)
    shutil.rmtree(FOLDER, ignore_errors=True)
    model = get_peft_model(base_model(torch.float32), CONFIGS["first"], adapter_name="first")
    model.add_adapter("second", CONFIGS["second"])
    for name in CONFIGS:
        model.peft_config[name].base_model_name_or_path = "../bert/model"
        model.save_pretrained(FOLDER, selected_adapters=[name])
    os.remove(os.path.join(FOLDER, "README.md"))
    dense = {}
    for kind in ["svd", "ties_svd"]:
        density = {"density": DENSITY} if kind != "svd" else {}
        model.add_weighted_adapter(["first", "second"], WEIGHTS, kind, combination_type=kind, svd_rank=FULL_RANK, **density)
        for path, module in model.named_modules():
            if hasattr(module, "get_delta_weight") and kind in module.lora_A:
                path = path.removeprefix("base_model.model.")
                dense[f"{kind}.{path}"] = module.get_delta_weight(kind).detach().contiguous()
    save_file(dense, os.path.join(FOLDER, "merged.safetensors"))
    print(len(dense), "updates;", ", ".join(sorted(dense)))


if __name__ == "__main__":
    main()
