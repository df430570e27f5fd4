#!/usr/bin/env python3
"""Write the MiniLM goldens: hidden states of the real model for three texts (transformers, PyTorch, float32 CPU).

batch.json             {"sequences": [{"ids", "types", "label"}], "texts": [text or [first, second]]}
expected.safetensors   hidden.0, hidden.1, hidden.3, hidden.6 as packed rows [T, 384], pooled [3, 384]

Reads models/minilm (scripts/fetch-minilm.sh).

    HF_HUB_OFFLINE=1 python3 scripts/goldens/minilm_hidden.py   # torch 2.13.0, transformers 5.23.0
"""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, BertModel

from bert_parity import GOLDENS, packed, padded, write_json

MODEL = os.path.join(GOLDENS, "..", "..", "models", "minilm")
FOLDER = os.path.join(GOLDENS, "minilm")
TEXTS = [
    "Photosynthesis",
    "The old lighthouse keeper wrote down every passing ship's name before dawn.",
    ["How many legs does a spider have?", "Unlike insects, most arachnids walk on eight legs."],
]
LAYERS = (0, 1, 3, 6)


def main():
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    model = BertModel.from_pretrained(MODEL, attn_implementation="eager", dtype=torch.float32)
    model.eval()
    sequences = []
    for text in TEXTS:
        encoding = tokenizer(text) if isinstance(text, str) else tokenizer(*text)
        sequences.append({"ids": encoding["input_ids"], "types": encoding["token_type_ids"], "label": 0})
    write_json(os.path.join(FOLDER, "batch.json"), {"sequences": sequences, "texts": TEXTS})
    inputs = padded(sequences)
    with torch.no_grad():
        outputs = model(**inputs, output_hidden_states=True)
    assert len(outputs.hidden_states) == 7
    tensors = {f"hidden.{layer}": packed(outputs.hidden_states[layer], inputs["attention_mask"])
               for layer in LAYERS}
    tensors["pooled"] = outputs.pooler_output.clone()
    save_file(tensors, os.path.join(FOLDER, "expected.safetensors"))
    for text, sequence in zip(TEXTS, sequences):
        print(len(sequence["ids"]), sum(sequence["types"]), text,
              tokenizer.convert_ids_to_tokens(sequence["ids"]))
    exact = BertModel.from_pretrained(MODEL, attn_implementation="eager", dtype=torch.float64)
    exact.eval()
    with torch.no_grad():
        reference = exact(**inputs, output_hidden_states=True)
    for layer in LAYERS:
        difference = packed(reference.hidden_states[layer], inputs["attention_mask"]) - tensors[f"hidden.{layer}"]
        print(f"hidden.{layer}: largest |float32 - float64|", difference.abs().max().item())
    print("pooled:", (reference.pooler_output - tensors["pooled"]).abs().max().item())


if __name__ == "__main__":
    main()
