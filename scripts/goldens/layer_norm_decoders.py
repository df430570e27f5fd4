#!/usr/bin/env python3
"""Write the goldens of GPT-2 and GPT-NeoX with the reference implementation (Hugging Face transformers, PEFT, PyTorch, float32
CPU).

In Tests/Goldens/gpt2 and Tests/Goldens/gpt_neox:

model/                        a tiny random language model as a Hugging Face folder, with a byte-level BPE tokenizer
batch.json                    four sequences, each run alone: no padding
expected.safetensors          hidden.0 (embeddings), hidden.1 ... hidden.N as output_hidden_states has them: as packed rows [T, C], the
                              last one AFTER the final norm; logits [T, V]; loss [1], the mean of -log p over all tokens that another one
                              of their sequence precedes; grad.<parameter> of it for every parameter of the model
variants.json                 other settings in config.json, and keys that are left out
variants.safetensors          logits.<number> [4, V] of the last token of each sequence with these
adapter/                      LoRA of rank 3 on the four matrices of every layer, random, as PEFT saves it
adapter_expected.safetensors  its loss, lastLogits [4, V], grad.<module path>.lora_A [R, I] and .lora_B [O, R]
adalora/                      (gpt2) AdaLoRA likewise, and adalora_expected.safetensors with grad.<module path>.lora_E too
saved/                        (gpt2) LoRA on one kind of matrix, another saved whole, and saved_expected.safetensors: lastLogits

    HF_HUB_OFFLINE=1 python3 scripts/goldens/layer_norm_decoders.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import json
import os
import random
import shutil
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, write_json
from llama_parity import VOCABULARY, byte_level_bpe
from peft import AdaLoraConfig, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig

SEED, LENGTHS = 20261130, (1, 3, 7, 14)
TOKENS = dict(vocab_size=VOCABULARY, bos_token_id=0, eos_token_id=1, pad_token_id=2)
ROTARY = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
MODELS = {
    "gpt2": GPT2Config(
        **TOKENS, n_positions=32, n_embd=16, n_layer=2, n_head=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0),
    "gpt_neox": GPTNeoXConfig(
        **TOKENS, max_position_embeddings=32, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=40, rope_parameters=ROTARY, classifier_dropout=0.0),
}
MODULES = {
    "gpt2": ["c_attn", "c_proj", "c_fc"],
    "gpt_neox": ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"],
}
VARIANTS = {
    "gpt2": [
        {"settings": {"scale_attn_by_inverse_layer_idx": True}}, {"settings": {"scale_attn_weights": False}},
        {"settings": {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True}},
        {"settings": {"reorder_and_upcast_attn": True}}, {"settings": {"activation_function": "gelu"}},
    ],
    "gpt_neox": [
        {"settings": {"use_parallel_residual": False}}, {"settings": {"hidden_act": "gelu_new"}},
        {"settings": {"attention_bias": False}},
        {"settings": {"rope_parameters": ROTARY | {"rope_type": "linear", "factor": 4.0}}},
        {"settings": {"rotary_pct": 1.0, "rotary_emb_base": 300}, "absent": ["rope_parameters"]},
        {"settings": {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}, "rotary_pct": 0.25}},
    ],
}


def randomize(model, scale=0.3):
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * scale
            is_norm = "norm" in name or ".ln_" in name
            parameter.copy_(1 + noise if is_norm and name.endswith("weight") else noise)
    return model


def loaded(folder, dtype=torch.float32, adapter=None):
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=dtype)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter, is_trainable=True).to(dtype)
    return model.train()


def run(model, sequences):
    """What the sequences give one by one, end to end; the gradients are left in the model."""
    predicted = sum(len(sequence["ids"]) - 1 for sequence in sequences)
    hidden, logits, loss = [], [], 0
    for sequence in sequences:
        ids = torch.tensor([sequence["ids"]])
        outputs = model(input_ids=ids, labels=ids, num_items_in_batch=predicted, output_hidden_states=True)
        hidden.append([states[0] for states in outputs.hidden_states])
        logits.append(outputs.logits[0])
        loss = loss + outputs.loss
    loss.backward()
    tensors = {f"hidden.{index}": torch.cat(states) for index, states in enumerate(zip(*hidden))}
    tensors |= {"logits": torch.cat(logits), "loss": loss[None]}
    return {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}


def gradients(model):
    result = {}
    for name, parameter in model.named_parameters():
        # The numbers of ranks that PEFT keeps beside AdaLoRA's factors are no part of the model.
        if parameter.requires_grad and ".ranknum" not in name:
            short = name.replace("base_model.model.", "").replace(".default.weight", "").replace(".default", "")
            if model.config.model_type == "gpt_neox":
                short = short.replace("lm_head.", "embed_out.")  # as files have it
            result[f"grad.{short}"] = parameter.grad.clone().contiguous()
    return result


def last(tensors, sequences):
    ends = torch.tensor([len(sequence["ids"]) for sequence in sequences]).cumsum(0) - 1
    return tensors["logits"][ends].contiguous()


def expected(model_folder, sequences, adapter=None):
    """The tensors, after saying how far float32 itself is from the exact values: the ground for the tests' tolerances."""
    results = []
    for dtype in (torch.float32, torch.float64):
        model = loaded(model_folder, dtype, adapter)
        results.append(run(model, sequences) | gradients(model))
    single, exact = results
    worst = max(
        ((single[name] - exact[name]).abs().max() / exact[name].abs().max().clamp_min(1e-6)).item() for name in exact)
    print(adapter or model_folder, "loss", single["loss"].item(), "tensors", len(single),
          "largest relative difference of float32 and float64", worst)
    return single


def save_adapter(model_folder, target, config):
    model = get_peft_model(loaded(model_folder), config)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    # The path of this machine means nothing elsewhere.
    model.peft_config["default"].base_model_name_or_path = "model"
    model.save_pretrained(target)
    os.remove(os.path.join(target, "README.md"))


def variants(model_folder, folder, sequences, rows):
    tensors = {}
    for number, row in enumerate(rows):
        with tempfile.TemporaryDirectory() as edited:
            with open(os.path.join(model_folder, "config.json")) as file:
                config = json.load(file)
            config |= row["settings"]
            for key in row.get("absent", []):
                del config[key]
            write_json(os.path.join(edited, "config.json"), config)
            shutil.copy(os.path.join(model_folder, "model.safetensors"), edited)
            tensors[f"logits.{number}"] = last(run(loaded(edited), sequences), sequences)
    assert len({tuple(tensor.flatten().tolist()) for tensor in tensors.values()}) >= len(rows) - 1
    write_json(os.path.join(folder, "variants.json"), {"variants": rows})
    save_file(tensors, os.path.join(folder, "variants.safetensors"))


def make(name, config, tokenizer):
    folder = os.path.join(GOLDENS, name)
    shutil.rmtree(folder, ignore_errors=True)
    model_folder = os.path.join(folder, "model")
    randomize(AutoModelForCausalLM.from_config(config).float()).save_pretrained(model_folder)
    os.remove(os.path.join(model_folder, "generation_config.json"))
    tokenizer.save_pretrained(model_folder)
    generator = random.Random(SEED)
    # Ids 0 to 2 are special; the padding id never gets a gradient from PyTorch.
    sequences = [{"ids": [generator.randrange(3, VOCABULARY) for _ in range(length)]} for length in LENGTHS]
    write_json(os.path.join(folder, "batch.json"), {"sequences": sequences})
    save_file(expected(model_folder, sequences), os.path.join(folder, "expected.safetensors"))
    variants(model_folder, folder, sequences, VARIANTS[name])
    adapters = {"adapter": LoraConfig(task_type="CAUSAL_LM", r=3, lora_alpha=5, target_modules=MODULES[name])}
    if name == "gpt2":
        # The penalty of the factors, which is no part of the task's gradient, vanishes beside it.
        adapters["adalora"] = AdaLoraConfig(
            task_type="CAUSAL_LM", init_r=3, target_r=2, total_step=10, lora_alpha=5, orth_reg_weight=1e-30,
            target_modules=MODULES[name])
        adapters["saved"] = LoraConfig(
            task_type="CAUSAL_LM", r=1, lora_alpha=2, target_modules=["c_fc"], modules_to_save=["c_attn"])
    for kind, settings in adapters.items():
        save_adapter(model_folder, os.path.join(folder, kind), settings)
        tensors = expected(model_folder, sequences, os.path.join(folder, kind))
        kept = {key: value for key, value in tensors.items() if key == "loss" or ".lora_" in key}
        kept["lastLogits"] = last(tensors, sequences)
        save_file(kept, os.path.join(folder, f"{kind}_expected.safetensors"))


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    tokenizer = byte_level_bpe()
    for name, config in MODELS.items():
        make(name, config, tokenizer)


if __name__ == "__main__":
    main()
