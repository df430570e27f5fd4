#!/usr/bin/env python3
"""Write what models make of rows in which the padding token stands as any other (someone wrote "<pad>" into a text):
RoBERTa and its relatives number positions by the other tokens alone.

Tests/Goldens/encoders/padding.json            per case: name, encoders/FOLDER whose weights it has, changed settings of its
                                               config.json, sequences
Tests/Goldens/encoders/padding.safetensors     NAME: the last hidden states as packed rows [T, C], each sequence run alone
                                               with an attention mask of ones, as a tokenizer gives it

    HF_HUB_OFFLINE=1 python3 scripts/goldens/pad_positions.py   # torch 2.13.0, transformers 5.24.0; after encoders_parity.py
"""

import json
import os
import shutil
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, write_json
from safetensors.torch import save_file
from transformers import AutoModel

SEQUENCES = [[0, 7, 1, 9, 2], [1, 8, 1, 1, 30, 5, 5, 2], [0, 4, 11, 5, 4, 12, 2], [0, 9, 8, 7, 2], [1, 1, 1]]
CASES = [
    ("roberta", "roberta", {}), ("roberta-pad-5", "roberta", {"pad_token_id": 5}), ("roberta-pad-0", "roberta", {"pad_token_id": 0}),
    ("xlm-roberta", "roberta", {"model_type": "xlm-roberta"}), ("camembert", "roberta", {"model_type": "camembert", "pad_token_id": 4}),
    ("mpnet", "mpnet", {}), ("mpnet-pad-5", "mpnet", {"pad_token_id": 5}), ("electra", "electra", {"pad_token_id": 5}),
    ("deberta", "deberta", {"pad_token_id": 5}),
]


def main():
    torch.set_num_threads(1)
    tensors = {}
    for name, source, changes in CASES:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(os.path.join(GOLDENS, "encoders", source, "model"), folder, dirs_exist_ok=True)
            file = os.path.join(folder, "config.json")
            config = {**json.load(open(file)), **changes}
            json.dump(config, open(file, "w"))
            if "model_type" in changes:
                config.pop("architectures")
            model = AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
            with torch.no_grad():
                rows = [model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)).last_hidden_state[0]
                        for ids in SEQUENCES]
            tensors[name] = torch.cat(rows).contiguous()
    write_json(os.path.join(GOLDENS, "encoders", "padding.json"), {"cases": [
        {"name": name, "folder": source, "changes": changes, "sequences": [{"ids": ids, "types": [0] * len(ids), "label": 0} for ids in SEQUENCES]}
        for name, source, changes in CASES]})
    save_file(tensors, os.path.join(GOLDENS, "encoders", "padding.safetensors"))
    for name, values in tensors.items():
        print(name, (values - tensors["roberta"]).abs().max().item() if values.shape == tensors["roberta"].shape else "")


main()
