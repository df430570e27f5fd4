#!/usr/bin/env python3
"""Write PEFT's adapters that change more than the matrices of layers, and the logits they give.

Base models: Tests/Goldens/encoders/NAME/model and Tests/Goldens/bert/model (run encoders_parity.py and bert_parity.py
first), with the batch of the former. Each adapter is in Tests/Goldens/parts/NAME-KIND as PEFT saves it, with
expected.safetensors beside it: logits [5, K] of PEFT's own reload.

KIND   all     LoRA on all linear layers (pooler, projections, heads that are not saved), bias all
       saved   LoRA on queries, norms and embeddings saved whole
       own     LoRA on linear layers and word embeddings with lora_bias, ranks and alphas by regular expressions (BERT)
       adalora AdaLoRA on all linear layers (BERT)
       encoder LoRA on BERT without a head, task FEATURE_EXTRACTION

    HF_HUB_OFFLINE=1 python3 scripts/goldens/adapter_parts.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import json
import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS
from encoders_parity import SEED
from peft import AdaLoraConfig, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModel, AutoModelForSequenceClassification

QUERIES = {"bert": "query", "roberta": "query", "distilbert": "q_lin", "electra": "query", "albert": "query",
           "deberta": "query_proj", "deberta-own-projections": "query_proj", "mpnet": "q"}
SAVED = ["classifier", "pooler", "LayerNorm", "sa_layer_norm", "word_embeddings", "embeddings_project",
         "relative_attention_bias", "rel_embeddings"]
HEAD = {"task_type": "SEQ_CLS", "r": 2, "lora_alpha": 3}


def kinds(name):
    # Of DistilBERT PEFT saves pre_classifier unasked (its name ends like the classifier) and then refuses to adapt it.
    task = None if name == "distilbert" else "SEQ_CLS"
    yield "all", LoraConfig(target_modules="all-linear", bias="all", **{**HEAD, "task_type": task})
    yield "saved", LoraConfig(target_modules=[QUERIES[name]], modules_to_save=SAVED, **HEAD)
    if name == "bert":
        yield "own", LoraConfig(
            target_modules=["query", "value", "dense", "word_embeddings"], lora_bias=False,
            rank_pattern={"^bert.encoder.layer.0.*query": 1, r"layer\.[01]\..*\.value": 3, "pooler.dense": 3},
            alpha_pattern={"^bert.encoder.layer.0.*query": 7, "(pooler|nothing).dense": 2}, **HEAD)
        yield "own-biases", LoraConfig(target_modules=["query", "dense"], lora_bias=True, bias="lora_only", **HEAD)
        yield "adalora", AdaLoraConfig(
            task_type="SEQ_CLS", init_r=3, target_r=1, total_step=10, lora_alpha=0, target_modules="all-linear")
        yield "encoder", LoraConfig(task_type="FEATURE_EXTRACTION", r=2, lora_alpha=3, target_modules="all-linear")


def model_of(name, config):
    folder = os.path.join(GOLDENS, "bert" if name == "bert" else f"encoders/{name}", "model")
    kind = AutoModel if config.task_type == "FEATURE_EXTRACTION" else AutoModelForSequenceClassification
    labels = {} if kind is AutoModel else {"num_labels": 5 if name == "bert" else 3}
    torch.manual_seed(SEED)
    return kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32, **labels)


def make(name, kind, config, batch):
    folder = os.path.join(GOLDENS, "parts", f"{name}-{kind}")
    shutil.rmtree(folder, ignore_errors=True)
    model = get_peft_model(model_of(name, config), config)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in (p for p in model.parameters() if p.requires_grad):
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    # The path of this machine means nothing elsewhere.
    model.peft_config["default"].base_model_name_or_path = "model"
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    reloaded = PeftModel.from_pretrained(model_of(name, config), folder).eval()
    longest, pad = max(len(s["ids"]) for s in batch), reloaded.config.pad_token_id or 0
    with torch.no_grad():
        outputs = reloaded(
            input_ids=torch.tensor([s["ids"] + [pad] * (longest - len(s["ids"])) for s in batch]),
            attention_mask=torch.tensor([[1] * len(s["ids"]) + [0] * (longest - len(s["ids"])) for s in batch]))
    values = outputs.pooler_output if kind == "encoder" else outputs.logits
    save_file({"logits": values.contiguous()}, os.path.join(folder, "expected.safetensors"))
    print(f"{name}-{kind}", tuple(values.shape), values.abs().max().item())


def main():
    torch.set_num_threads(1)
    for name in QUERIES:
        batch = "roberta" if name == "bert" else name
        with open(os.path.join(GOLDENS, "encoders", batch, "batch.json")) as file:
            sequences = json.load(file)["sequences"]
        for kind, config in kinds(name):
            make(name, kind, config, sequences)


if __name__ == "__main__":
    main()
