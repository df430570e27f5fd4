#!/usr/bin/env python3
"""Write the BERT goldens with the reference implementation (Hugging Face transformers, PyTorch, float32 CPU).

model/                 a tiny random BertForSequenceClassification as a Hugging Face folder
batch.json             six sequences (ids, types, label), no padding
expected.safetensors   hidden.0 … hidden.2 as packed rows [T, 32], logits [6, 5], grad.<parameter> of the mean
                       cross-entropy for every parameter of the model
expected.json          {"loss": mean cross-entropy}

    HF_HUB_OFFLINE=1 python3 scripts/goldens/bert_parity.py   # torch 2.13.0, transformers 5.23.0
"""

import json
import os
import random

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

GOLDENS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Tests", "Goldens")
FOLDER = os.path.join(GOLDENS, "bert")
VOCABULARY, LABELS = 101, 5
SEED = 20240611


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file)
        file.write("\n")


def random_sequence(generator, length):
    # Id 0 is the padding id: torch.nn.Embedding(padding_idx=0) never gives it a gradient, so it never occurs.
    ids = [generator.randrange(1, VOCABULARY) for _ in range(length)]
    second = length // 2 if length > 1 and generator.random() < 0.5 else 0
    types = [0] * (length - second) + [1] * second
    return {"ids": ids, "types": types, "label": generator.randrange(LABELS)}


def padded(sequences):
    """Model inputs of a batch, padded at the end, with the attention mask [B, L]."""
    longest = max(len(sequence["ids"]) for sequence in sequences)

    def rows(values):
        return torch.tensor([row + [0] * (longest - len(row)) for row in values])

    inputs = {
        "input_ids": rows([sequence["ids"] for sequence in sequences]),
        "token_type_ids": rows([sequence["types"] for sequence in sequences]),
        "attention_mask": rows([[1] * len(sequence["ids"]) for sequence in sequences]),
    }
    return inputs


def labels_of(sequences):
    return torch.tensor([sequence["label"] for sequence in sequences])


def packed(hidden, mask):
    """[B, L, H] to [T, H]: the rows of real tokens, sequence after sequence."""
    return hidden[mask.bool()].detach().contiguous().clone()


def random_model():
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        vocab_size=VOCABULARY, max_position_embeddings=40, type_vocab_size=2, num_labels=LABELS,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager",
    )
    model = BertForSequenceClassification(config).float()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "LayerNorm" in name:
                parameter.copy_(noise * 0.1 + (1.0 if name.endswith("weight") else 0.0))
            else:
                parameter.copy_(noise * 0.15)
    return model


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    os.makedirs(FOLDER, exist_ok=True)
    random_model().save_pretrained(os.path.join(FOLDER, "model"))
    model = BertForSequenceClassification.from_pretrained(
        os.path.join(FOLDER, "model"), attn_implementation="eager", dtype=torch.float32)
    model.train()

    generator = random.Random(SEED)
    sequences = [random_sequence(generator, length) for length in (1, 5, 9, 16, 24, 12)]
    for index in (2, 4):
        length = len(sequences[index]["ids"])
        sequences[index]["types"] = [0] * (length - length // 2) + [1] * (length // 2)
    write_json(os.path.join(FOLDER, "batch.json"), {"sequences": sequences})

    inputs = padded(sequences)
    outputs = model(**inputs, labels=labels_of(sequences), output_hidden_states=True)
    outputs.loss.backward()
    tensors = {f"hidden.{index}": packed(hidden, inputs["attention_mask"])
               for index, hidden in enumerate(outputs.hidden_states)}
    assert sorted(tensors) == ["hidden.0", "hidden.1", "hidden.2"]
    tensors["logits"] = outputs.logits.detach().clone()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        tensors[f"grad.{name}"] = parameter.grad.clone().contiguous()
    save_file(tensors, os.path.join(FOLDER, "expected.safetensors"))
    write_json(os.path.join(FOLDER, "expected.json"), {"loss": outputs.loss.item()})
    print("loss", outputs.loss.item(), "tokens", sum(len(sequence["ids"]) for sequence in sequences))

    # How far float32 itself is from the exact values: the ground for the tolerances of the tests.
    exact = BertForSequenceClassification.from_pretrained(
        os.path.join(FOLDER, "model"), attn_implementation="eager", dtype=torch.float64)
    exact.train()
    reference = exact(**inputs, labels=labels_of(sequences), output_hidden_states=True)
    reference.loss.backward()
    print("float64: loss", reference.loss.item())
    print("largest |float32 - float64|: logits", (reference.logits - outputs.logits).abs().max().item(),
          "hidden", max((a - b).abs().max().item() for a, b in zip(reference.hidden_states, outputs.hidden_states)),
          "gradients", max((a.grad - b.grad).abs().max().item()
                           for a, b in zip(exact.parameters(), model.parameters())),
          "largest gradient", max(a.grad.abs().max().item() for a in exact.parameters()))


if __name__ == "__main__":
    main()
