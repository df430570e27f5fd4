#!/usr/bin/env python3
"""Write the goldens of config.json's entries: what transformers computes with the tiny random models of bert_parity.py and
encoders_parity.py when an entry is another one, null or left out.

Tests/Goldens/configs.json: rows of a model's folder, the entries that replace its own, those that are left out, and the
logits of each of the batch's sequences alone; or "refused", the entry, where adalora is to refuse what transformers
computes.

    HF_HUB_OFFLINE=1 python3 scripts/goldens/configs_parity.py   # torch 2.13.0, transformers 5.24.0
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS
from transformers import AutoModelForSequenceClassification

GOLDENS = Path(GOLDENS)
BERT, ROBERTA, DISTILBERT, ELECTRA, ALBERT, MPNET = (
    "bert", "encoders/roberta", "encoders/distilbert", "encoders/electra", "encoders/albert", "encoders/mpnet")
DEBERTA, OWN = "encoders/deberta", "encoders/deberta-own-projections"
ACTIVATIONS = ["gelu_python", "gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh", "quick_gelu"]
OTHER_ACTIVATIONS = ["gelu_10", "relu", "relu6", "silu", "swish", "tanh", "mish", "sigmoid", "linear"]
# What a config of transformers 2 to 5 may hold without another function.
EVERY_OPTION = {
    "output_attentions": False, "output_hidden_states": True, "torchscript": False, "use_bfloat16": False,
    "pruned_heads": {}, "finetuning_task": "mnli", "_num_labels": 7, "_name_or_path": "base",
    "is_encoder_decoder": False, "chunk_size_feed_forward": 1, "do_sample": True, "max_length": 20, "num_beams": 1,
    "prefix": None, "tie_encoder_decoder": False, "gradient_checkpointing": False, "directionality": "bidi",
    "pooler_fc_size": 768, "task_specific_params": None, "torch_dtype": "float32", "use_cache": True,
    "_attn_implementation_autoset": True, "transformers_version": "4.8.2", "z_steps": 3,
}


def rows():
    """(model, entries, left out, refused)"""
    for model in (BERT, ROBERTA, DISTILBERT, ELECTRA, ALBERT, DEBERTA, OWN, MPNET):
        act = "activation" if model == DISTILBERT else "hidden_act"
        yield model, EVERY_OPTION, [], None
        for name in ACTIVATIONS:
            yield model, {act: name}, [], None
        for name in OTHER_ACTIVATIONS:
            yield model, {act: name}, [], act
        yield model, {}, [act], None
        yield model, {}, ["layer_norm_eps"], None
        yield model, {"layer_norm_eps": 1e-2}, [], None
        yield model, {"pad_token_id": 5}, [], None
        yield model, {}, ["pad_token_id", "bos_token_id", "eos_token_id", "tie_word_embeddings", "initializer_range"], None
        yield model, {"hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.5, "dropout": 0.5,
                      "attention_dropout": 0.5, "classifier_dropout": 0.9, "seq_classif_dropout": 0.7}, [], None
        yield model, {"n_layers" if model == DISTILBERT else "num_hidden_layers": 1}, [], None
        yield model, {"classifier_activation": "relu", "rope_theta": 5, "head_dim": 3}, [], None
    for model in (BERT, OWN):
        yield model, {"type_vocab_size": 2}, [], None
    for model in (BERT, ELECTRA, ALBERT):
        yield model, {}, ["type_vocab_size"], None
    yield DISTILBERT, {"hidden_size": 24, "num_attention_heads": 2, "num_hidden_layers": 1}, ["dim", "n_heads", "n_layers"], None
    yield DISTILBERT, {"num_attention_heads": 2, "num_hidden_layers": 1}, [], None
    yield DISTILBERT, {"intermediate_size": 5, "hidden_act": "relu", "num_labels": 3}, [], None
    yield DISTILBERT, {"sinusoidal_pos_embds": True}, [], None
    yield ELECTRA, {"summary_type": "last", "summary_use_proj": False, "summary_activation": "tanh"}, [], None
    yield ALBERT, {"num_hidden_layers": 5, "net_structure_type": 1, "gap_size": 2, "down_scale_factor": 3}, [], None
    yield MPNET, {"relative_attention_num_buckets": 8, "type_vocab_size": 4}, [], "relative_attention_num_buckets"
    yield MPNET, {"position_buckets": 4}, [], None
    for terms in ("C2P | p2c", ["c2p", "p2c"], "p2c|c2p|c2p"):
        yield DEBERTA, {"pos_att_type": terms}, [], None
        yield OWN, {"pos_att_type": terms}, [], None
    yield DEBERTA, {"pos_att_type": "c2p"}, [], None
    yield DEBERTA, {"pos_att_type": ["p2c"]}, [], None
    yield OWN, {"pos_att_type": ["p2c"]}, [], None
    yield DEBERTA, {"pos_att_type": None}, [], "pos_att_type"
    yield DEBERTA, {"norm_rel_ebd": " Layer_Norm | none"}, [], None
    yield DEBERTA, {"norm_rel_ebd": "none"}, [], None
    yield DEBERTA, {}, ["norm_rel_ebd"], None
    yield OWN, {"share_att_key": True}, [], None
    yield DEBERTA, {"max_relative_positions": 16}, [], None
    yield DEBERTA, {"max_relative_positions": 0, "attention_head_size": 8, "embedding_size": 24}, [], None
    yield OWN, {"position_buckets": -1, "legacy": False, "pooler_dropout": 0.9, "cls_dropout": 0.5}, [], None
    yield DEBERTA, {"pooler_hidden_act": "tanh"}, [], "pooler_hidden_act"
    yield DEBERTA, {"pooler_hidden_act": "gelu_python"}, [], None
    yield DEBERTA, {"relative_attention": False}, [], "relative_attention"


def logits(model, entries, absent):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(GOLDENS / model / "model/model.safetensors", folder)
        config = json.loads((GOLDENS / model / "model/config.json").read_text())
        config.update(entries)
        for key in absent:
            config.pop(key, None)
        (folder / "config.json").write_text(json.dumps(config))
        opened = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
    values = []
    for sequence in json.loads((GOLDENS / model / "batch.json").read_text())["sequences"]:
        inputs = {"input_ids": torch.tensor([sequence["ids"]])}
        if getattr(opened.config, "type_vocab_size", 0) > 1:
            inputs["token_type_ids"] = torch.tensor([sequence["types"]])
        with torch.no_grad():
            values.append([round(value, 7) for value in opened(**inputs, return_dict=True).logits[0].tolist()])
    return values


def main():
    torch.set_num_threads(1)
    lines = []
    for model, entries, absent, refused in rows():
        row = {"model": model, "entries": entries, "absent": absent}
        row.update({"refused": refused} if refused else {"logits": logits(model, entries, absent)})
        lines.append(json.dumps(row))
    (GOLDENS / "configs.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(len(lines), "rows")


if __name__ == "__main__":
    main()
