#!/usr/bin/env python3
"""Write the goldens of sequence classifiers on decoders with the reference implementation (Hugging Face transformers, PEFT,
PyTorch, float32 CPU), on the tiny models of llama_parity.py and layer_norm_decoders.py.

Per architecture, in Tests/Goldens/heads/NAME-score:

batch.json             the sequences with a label, a set of labels or a target; a padding token stands inside one, another ends with two
adapter/               LoRA of rank 2, random, and the head, as PEFT saves them
expected.safetensors   logits [B, K] of one padded batch, the loss as loss [1], grad.score.weight and grad.<module path>.lora_A
                       [R, I] and .lora_B [O, R]

For the other decoders that have such a class, in Tests/Goldens/heads/decoders-score, on the tiny models of decoders_parity.py:

batch.json             the sequences, which end with tokens that are padding to some, and the name of each model's class
expected.safetensors   NAME.score [K, C], a random head; NAME.stated [B, K] its logits; NAME.absent [B, K] those without
                       pad_token_id in config.json, so by the class's own, where that is a token; each sequence alone

    HF_HUB_OFFLINE=1 python3 scripts/goldens/decoder_heads.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import json
import os
import random
import shutil
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, write_json
from layer_norm_decoders import SEED, VOCABULARY
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForSequenceClassification

PADDING, LENGTHS = 2, (1, 5, 9, 12)
MODELS = {
    "llama": (["q_proj", "v_proj", "down_proj"], "single_label_classification", 3),
    "gpt2": (["c_attn", "mlp.c_proj"], "multi_label_classification", 4),
    "gpt_neox": (["query_key_value", "dense_4h_to_h"], "regression", 1),
}


OTHERS = ["mistral", "ministral3", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "smollm3", "olmo2", "olmo3"]
ENDS = [[], [0], [1], [11], [0, 1, 0], [11, 11]]
OTHER_SEQUENCES = [[20 + (7 * place + 3 * index) % 40 for place in range(3 + index)] + end for index, end in enumerate(ENDS)]


def sequences(choice, problem, outputs):
    for index, length in enumerate(LENGTHS):
        ids = [choice.randrange(3, VOCABULARY) for _ in range(length)]
        if index == 1:
            ids[2] = PADDING
        if index == 2:
            ids[-2:] = [PADDING, PADDING]
        row = {"ids": ids}
        if problem == "regression":
            row["target"] = round(choice.uniform(-2, 2), 3)
        elif outputs == 4:
            row["set"] = sorted(choice.sample(range(outputs), choice.randrange(outputs + 1)))
        else:
            row["label"] = choice.randrange(outputs)
        yield row


def labels_of(rows, outputs):
    if "target" in rows[0]:
        return torch.tensor([row["target"] for row in rows])
    if "set" in rows[0]:
        return torch.tensor([[float(label in row["set"]) for label in range(outputs)] for row in rows])
    return torch.tensor([row["label"] for row in rows])


def make(name, targets, problem, outputs):
    target = os.path.join(GOLDENS, "heads", f"{name}-score")
    shutil.rmtree(target, ignore_errors=True)
    rows = list(sequences(random.Random(f"{SEED} {name}"), problem, outputs))
    torch.manual_seed(SEED)
    model = AutoModelForSequenceClassification.from_pretrained(
        os.path.join(GOLDENS, name, "model"), attn_implementation="eager", dtype=torch.float32, num_labels=outputs,
        problem_type=problem)
    assert model.config.pad_token_id == PADDING
    model = get_peft_model(model, LoraConfig(task_type="SEQ_CLS", r=2, lora_alpha=3, target_modules=targets))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in (parameter for parameter in model.parameters() if parameter.requires_grad):
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    model.train()
    longest = max(LENGTHS)
    lengths = [len(row["ids"]) for row in rows]
    result = model(
        input_ids=torch.tensor([row["ids"] + [PADDING] * (longest - len(row["ids"])) for row in rows]),
        attention_mask=torch.tensor([[1] * length + [0] * (longest - length) for length in lengths]),
        labels=labels_of(rows, outputs))
    result.loss.backward()
    tensors = {"logits": result.logits.detach().clone(), "loss": result.loss.detach().reshape(1)}
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            short = key.replace("base_model.model.", "").replace(".default.weight", "")
            short = short.replace("score.modules_to_save", "score.weight")
            tensors[f"grad.{short}"] = parameter.grad.clone().contiguous()
    assert "grad.score.weight" in tensors, list(tensors)
    # The path of this machine means nothing elsewhere.
    model.peft_config["default"].base_model_name_or_path = "model"
    model.save_pretrained(os.path.join(target, "adapter"))
    os.remove(os.path.join(target, "adapter", "README.md"))
    write_json(os.path.join(target, "batch.json"), {"sequences": rows})
    save_file(tensors, os.path.join(target, "expected.safetensors"))
    print(name, "loss", result.loss.item(), "logits", tuple(result.logits.shape), "gradients", len(tensors) - 2)


def classified(folder, head):
    """Class and logits [B, K] of a model of the folder with this head."""
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, num_labels=len(head))
    with torch.no_grad():
        model.score.weight.copy_(head)
        rows = [model(input_ids=torch.tensor([ids])).logits[0] for ids in OTHER_SEQUENCES]
    return type(model).__name__, torch.stack(rows)


def without_padding_token(name, target):
    source = os.path.join(GOLDENS, "decoders", name, "model")
    shutil.copy(os.path.join(source, "model.safetensors"), target)
    with open(os.path.join(source, "config.json")) as file:
        config = json.load(file)
    assert config.pop("pad_token_id") == 0
    with open(os.path.join(target, "config.json"), "w") as file:
        json.dump(config, file)


def make_others():
    target = os.path.join(GOLDENS, "heads", "decoders-score")
    os.makedirs(target, exist_ok=True)
    tensors, classes = {}, {}
    generator = torch.Generator().manual_seed(SEED)
    for name in OTHERS:
        folder = os.path.join(GOLDENS, "decoders", name, "model")
        width = AutoConfig.from_pretrained(folder).hidden_size
        head = torch.randn((3, width), generator=generator)
        tensors[f"{name}.score"] = head
        classes[name], tensors[f"{name}.stated"] = classified(folder, head)
        with tempfile.TemporaryDirectory() as bare:
            without_padding_token(name, bare)
            config = AutoConfig.from_pretrained(bare)
            print(name, classes[name], config.pad_token_id)
            # Where the class's own is none of the tiny vocabulary, transformers opens no such model.
            if (config.pad_token_id or 0) >= config.vocab_size:
                continue
            _, tensors[f"{name}.absent"] = classified(bare, head)
    write_json(os.path.join(target, "batch.json"), {"sequences": OTHER_SEQUENCES, "classes": classes})
    save_file(tensors, os.path.join(target, "expected.safetensors"))


def main():
    torch.set_num_threads(1)
    make_others()
    for name, (targets, problem, outputs) in MODELS.items():
        make(name, targets, problem, outputs)


if __name__ == "__main__":
    main()
