#!/usr/bin/env python3
"""Write the BERT goldens with Hugging Face Transformers: forward, losses and gradients of a tiny random model.

    /work/venv/bin/python scripts/goldens/bert_parity.py

Output: Tests/Goldens/bert (see README.md beside this file for every tensor).
"""

import json
import os
import random

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

GOLDENS = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Tests", "Goldens"))
FOLDER = os.path.join(GOLDENS, "bert")
PAD, CLS, SEP, FIRST_TOKEN, VOCABULARY = 0, 1, 2, 3, 101
LABELS = 5
MEAN_POOLING_ENCODER_WEIGHTS = ["bert.encoder.layer.0.attention.self.query.weight",
                                "bert.encoder.layer.1.intermediate.dense.weight"]
REGRESSION_ENCODER_WEIGHTS = ["bert.pooler.dense.weight", "bert.encoder.layer.0.output.dense.weight"]


def random_sequence(stream, length, pair=False):
    """`length` ids, [CLS] first and [SEP] last where they fit; a pair has a second segment of type 1."""
    if length < 3:
        ids = [CLS, SEP][:length]
        return {"ids": ids, "type_ids": [0] * length}
    ids = [CLS] + [stream.randrange(FIRST_TOKEN, VOCABULARY) for _ in range(length - 2)] + [SEP]
    types = [0] * length
    if pair:
        middle = length // 2
        ids[middle] = SEP
        types = [0] * (middle + 1) + [1] * (length - middle - 1)
    return {"ids": ids, "type_ids": types}


def padded(sequences):
    """The sequences as one right-padded batch: (ids, attention mask, type ids), each [B, longest]."""
    longest = max(len(sequence["ids"]) for sequence in sequences)

    def rows(values, fill):
        return torch.tensor([row + [fill] * (longest - len(row)) for row in values])

    ids = rows([sequence["ids"] for sequence in sequences], PAD)
    mask = rows([[1] * len(sequence["ids"]) for sequence in sequences], 0)
    types = rows([sequence["type_ids"] for sequence in sequences], 0)
    return ids, mask, types


def packed(hidden, mask):
    """[B, longest, H] without the padding rows: [T, H], sequence after sequence."""
    return hidden[mask.bool()].detach().clone()


def scalar(value):
    return value.detach().reshape(1).clone()


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


def tiny_model(labels, seed):
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=40, type_vocab_size=2, num_labels=labels, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, initializer_range=0.15, pad_token_id=PAD, attn_implementation="eager")
    model = BertForSequenceClassification(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator) * 0.15
            # Unit scales hide a swapped or ignored LayerNorm weight, so those vary about 1.
            parameter.copy_(1 + values if name.endswith("LayerNorm.weight") else values)
    return model.eval()


def classification(model, sequences):
    ids, mask, types = padded(sequences)
    labels = torch.tensor([sequence["label"] for sequence in sequences])
    model.zero_grad()
    output = model(input_ids=ids, attention_mask=mask, token_type_ids=types, labels=labels,
                   output_hidden_states=True)
    output.loss.backward()
    pooled = model.bert.pooler(output.hidden_states[-1])
    layers = model.config.num_hidden_layers
    assert len(output.hidden_states) == layers + 1
    tensors = {f"hidden.{index}": packed(output.hidden_states[index], mask) for index in range(layers + 1)}
    tensors |= {"pooled": pooled.detach(), "logits": output.logits.detach(), "loss": scalar(output.loss)}
    for name, parameter in model.named_parameters():
        tensors[f"gradient.{name}"] = parameter.grad.clone()
    return tensors


def regression(base, sequences, seed):
    model = tiny_model(labels=1, seed=seed)
    model.bert.load_state_dict(base.bert.state_dict())
    ids, mask, types = padded(sequences)
    targets = torch.tensor([sequence["target"] for sequence in sequences])
    output = model(input_ids=ids, attention_mask=mask, token_type_ids=types, labels=targets)
    output.loss.backward()
    parameters = dict(model.named_parameters())
    tensors = {"classifier.weight": model.classifier.weight.detach(), "classifier.bias": model.classifier.bias.detach(),
               "logits": output.logits.detach(), "loss": scalar(output.loss)}
    for name in ["classifier.weight", "classifier.bias"] + REGRESSION_ENCODER_WEIGHTS:
        tensors[f"gradient.{name}"] = parameters[name].grad.clone()
    return {f"regression.{name}": tensor for name, tensor in tensors.items()}


def mean_pooling(model, sequences, seed):
    generator = torch.Generator().manual_seed(seed)
    head = torch.nn.Linear(32, LABELS)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    ids, mask, types = padded(sequences)
    labels = torch.tensor([sequence["label"] for sequence in sequences])
    model.zero_grad()
    hidden = model.bert(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
    weights = mask.to(hidden.dtype).unsqueeze(-1)
    mean = (hidden * weights).sum(1) / weights.sum(1)
    logits = head(mean)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    parameters = dict(model.named_parameters())
    tensors = {"head.weight": head.weight.detach(), "head.bias": head.bias.detach(), "mean": mean.detach(),
               "logits": logits.detach(), "loss": scalar(loss),
               "gradient.head.weight": head.weight.grad.clone(), "gradient.head.bias": head.bias.grad.clone()}
    for name in MEAN_POOLING_ENCODER_WEIGHTS:
        tensors[f"gradient.{name}"] = parameters[name].grad.clone()
    return {f"mean_pooling.{name}": tensor for name, tensor in tensors.items()}


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    os.makedirs(FOLDER, exist_ok=True)
    model = tiny_model(LABELS, seed=11)
    model.save_pretrained(FOLDER)
    stream = random.Random(7)
    sequences = [random_sequence(stream, length, pair)
                 for length, pair in [(7, False), (24, True), (1, False), (12, True), (3, False), (17, False)]]
    for index, sequence in enumerate(sequences):
        sequence["label"] = [3, 0, 4, 1, 2, 3][index]
    second = [random_sequence(stream, length, pair) for length, pair in [(5, False), (9, True), (14, False)]]
    for sequence, target in zip(second, [0.75, -1.25, 2.0]):
        sequence["target"] = target
    write_json(os.path.join(FOLDER, "batch.json"), {"classification": sequences, "regression": second})
    tensors = classification(model, sequences) | regression(model, second, seed=12)
    tensors |= mean_pooling(model, sequences, seed=13)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()},
              os.path.join(FOLDER, "expected.safetensors"), metadata={"format": "pt"})
    for name in ["loss", "regression.loss", "mean_pooling.loss"]:
        print(name, tensors[name].item())


if __name__ == "__main__":
    main()
