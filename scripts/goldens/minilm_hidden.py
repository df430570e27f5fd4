#!/usr/bin/env python3
"""Write hidden states of the real MiniLM-L6 encoder, computed by Hugging Face Transformers.

    scripts/fetch-minilm.sh                                    # puts the model at models/minilm
    /work/venv/bin/python scripts/goldens/minilm_hidden.py [--model models/minilm]

Output: Tests/Goldens/minilm (see README.md beside this file).
"""

import argparse
import hashlib
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import BertModel

from bert_parity import GOLDENS, packed, padded, write_json

FOLDER = os.path.join(GOLDENS, "minilm")
TEXTS = [("hello",),
         ("The cat sat quietly on the old wooden fence.",),
         ("How many people live in Berlin?", "About 3.5 million.")]
LAYERS = [0, 1, 3, 6]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=os.path.join(GOLDENS, "..", "..", "models", "minilm"))
    model_folder = os.path.normpath(parser.parse_args().model)
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)

    model = BertModel.from_pretrained(model_folder, attn_implementation="eager", dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(os.path.join(model_folder, "tokenizer.json"))
    tokenizer.no_padding()
    encodings = [tokenizer.encode(*texts) for texts in TEXTS]
    sequences = [{"text": list(texts), "tokens": encoding.tokens, "ids": encoding.ids, "type_ids": encoding.type_ids}
                 for texts, encoding in zip(TEXTS, encodings)]

    ids, mask, types = padded(sequences)
    with torch.no_grad():
        output = model(input_ids=ids, attention_mask=mask, token_type_ids=types, output_hidden_states=True)
    assert len(output.hidden_states) == model.config.num_hidden_layers + 1
    assert torch.equal(output.hidden_states[-1], output.last_hidden_state)

    tensors = {f"hidden.{index}": packed(output.hidden_states[index], mask) for index in LAYERS}
    tensors["pooled"] = output.pooler_output
    save_file(tensors, os.path.join(FOLDER, "expected.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(model_folder, "model.safetensors"), "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    write_json(os.path.join(FOLDER, "batch.json"), {"model_sha256": digest, "sequences": sequences})
    print({name: list(tensor.shape) for name, tensor in tensors.items()})


if __name__ == "__main__":
    main()
