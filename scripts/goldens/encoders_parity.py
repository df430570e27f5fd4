#!/usr/bin/env python3
"""Write the goldens of the encoders beside BERT with the reference implementation (Hugging Face transformers, PyTorch,
float32 CPU): RoBERTa, DistilBERT, ELECTRA, ALBERT, DeBERTa-v2 and MPNet, each a tiny random sequence classifier.

Per architecture, in Tests/Goldens/encoders/NAME:

model/                 the model as a Hugging Face folder, without tokenizer
batch.json             five sequences (ids, types, label), no padding
expected.safetensors   hidden.0 … as packed rows [T, C], logits [5, 3], grad.<parameter> of the mean cross-entropy for
                       every parameter of the model

relative_buckets.json  the rows of the relative-position tables for distances (query - key) -600 ... 600: DeBERTa by buckets
                       and span, MPNet

    HF_HUB_OFFLINE=1 python3 scripts/goldens/encoders_parity.py   # torch 2.13.0, transformers 5.23.0
"""

import os
import random

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, labels_of, packed, write_json
from safetensors.torch import save_file
from transformers import (
    AlbertConfig, AlbertForSequenceClassification, DebertaV2Config, DebertaV2ForSequenceClassification, DistilBertConfig,
    DistilBertForSequenceClassification, ElectraConfig, ElectraForSequenceClassification, MPNetConfig,
    MPNetForSequenceClassification, RobertaConfig, RobertaForSequenceClassification,
)
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

VOCABULARY, LABELS, SEED = 61, 3, 20261124
COMMON = dict(vocab_size=VOCABULARY, num_labels=LABELS, attn_implementation="eager")
QUIET = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
SIZE = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, **QUIET)

MODELS = {
    "roberta": lambda: RobertaForSequenceClassification(RobertaConfig(
        **COMMON, **SIZE, max_position_embeddings=34, type_vocab_size=1, pad_token_id=1, classifier_dropout=0.0,
        layer_norm_eps=1e-5)),
    "distilbert": lambda: DistilBertForSequenceClassification(DistilBertConfig(
        **COMMON, dim=24, n_layers=2, n_heads=3, hidden_dim=40, max_position_embeddings=32, dropout=0.0,
        attention_dropout=0.0, seq_classif_dropout=0.0)),
    "electra": lambda: ElectraForSequenceClassification(ElectraConfig(
        **COMMON, **SIZE, embedding_size=16, max_position_embeddings=32, classifier_dropout=0.0)),
    "albert": lambda: AlbertForSequenceClassification(AlbertConfig(
        **COMMON, **{**SIZE, "num_hidden_layers": 3}, embedding_size=16, max_position_embeddings=32,
        classifier_dropout_prob=0.0, hidden_act="gelu_new")),
    # As DeBERTa-v3 is set up; 8 buckets make distances from 4 on logarithmic.
    "deberta": lambda: DebertaV2ForSequenceClassification(DebertaV2Config(
        **COMMON, **SIZE, max_position_embeddings=32, relative_attention=True, position_buckets=8,
        norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False)),
    # Everything the other way round: own projections, no buckets (distances from 9 on are one), absolute positions too.
    "deberta-own-projections": lambda: DebertaV2ForSequenceClassification(DebertaV2Config(
        **COMMON, **SIZE, max_position_embeddings=32, relative_attention=True, max_relative_positions=9,
        pos_att_type=["c2p", "p2c"], type_vocab_size=2)),
    "deberta-c2p": lambda: DebertaV2ForSequenceClassification(DebertaV2Config(
        **COMMON, **{**SIZE, "num_hidden_layers": 1}, max_position_embeddings=32, relative_attention=True,
        position_buckets=8, share_att_key=True, pos_att_type=["c2p"])),
    "deberta-p2c": lambda: DebertaV2ForSequenceClassification(DebertaV2Config(
        **COMMON, **{**SIZE, "num_hidden_layers": 1}, max_position_embeddings=32, relative_attention=True,
        position_buckets=8, pos_att_type=["p2c"])),
    "mpnet": lambda: MPNetForSequenceClassification(MPNetConfig(
        **COMMON, **SIZE, max_position_embeddings=34, layer_norm_eps=1e-5)),
}
SECOND_TYPE = {"electra", "albert", "deberta-own-projections"}
# Ids below are special; the padding id never gets a gradient from PyTorch.
FIRST_ID = 3


def make(name, model):
    folder = os.path.join(GOLDENS, "encoders", name)
    os.makedirs(folder, exist_ok=True)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = "norm" in key.lower()
            parameter.copy_(noise * 0.1 + (1.0 if key.endswith("weight") else 0.0) if is_norm else noise * 0.15)
    model.save_pretrained(os.path.join(folder, "model"))
    model = type(model).from_pretrained(
        os.path.join(folder, "model"), attn_implementation="eager", dtype=torch.float32)
    model.train()

    choice = random.Random(SEED)
    sequences = []
    for length in (1, 7, 12, 25, 9):
        second = length // 2 if name in SECOND_TYPE else 0
        sequences.append({
            "ids": [choice.randrange(FIRST_ID, VOCABULARY) for _ in range(length)],
            "types": [0] * (length - second) + [1] * second, "label": choice.randrange(LABELS)})
    write_json(os.path.join(folder, "batch.json"), {"sequences": sequences})

    longest = max(len(sequence["ids"]) for sequence in sequences)
    pad = model.config.pad_token_id

    def rows(key, fill):
        return torch.tensor([s[key] + [fill] * (longest - len(s[key])) for s in sequences])

    inputs = {"input_ids": rows("ids", pad),
              "attention_mask": torch.tensor([[1] * len(s["ids"]) + [0] * (longest - len(s["ids"])) for s in sequences])}
    if name in SECOND_TYPE:
        inputs["token_type_ids"] = rows("types", 0)
    outputs = model(**inputs, labels=labels_of(sequences), output_hidden_states=True)
    outputs.loss.backward()
    tensors = {f"hidden.{index}": packed(hidden, inputs["attention_mask"])
               for index, hidden in enumerate(outputs.hidden_states)}
    tensors["logits"] = outputs.logits.detach().clone()
    for key, parameter in model.named_parameters():
        # Poolers that the classifier of this architecture does not read.
        if parameter.grad is not None:
            tensors[f"grad.{key}"] = parameter.grad.clone().contiguous()
    save_file(tensors, os.path.join(folder, "expected.safetensors"))
    print(name, "loss", outputs.loss.item(), "hidden", len(outputs.hidden_states),
          "gradients", sum(key.startswith("grad.") for key in tensors))


def write_relative_buckets():
    distances = torch.arange(-600, 601)
    deberta = [{"buckets": buckets, "span": span, "rows": [
        max(0, min(2 * buckets - 1, int(bucket) + buckets))
        for bucket in make_log_bucket_position(distances, buckets, span).long()]}
        for buckets, span in ((256, 512), (8, 32), (32, 128), (6, 20))]
    write_json(os.path.join(GOLDENS, "encoders", "relative_buckets.json"), {
        "first": -600, "deberta": deberta, "mpnet": MPNetEncoder.relative_position_bucket(-distances).tolist()})


def main():
    torch.set_num_threads(1)
    write_relative_buckets()
    for name, build in MODELS.items():
        torch.manual_seed(SEED)
        make(name, build())


if __name__ == "__main__":
    main()
