#!/usr/bin/env python3
"""Write the goldens of decoders with RMS norms and rotary positions (Hugging Face transformers, PyTorch, float32 CPU).

Tests/Goldens/decoders/NAME, for each architecture:

model/                 a tiny random model as a Hugging Face folder: grouped queries, norms and biases that are not what
                       they start with, windows and original lengths that the longest sequence crosses
batch.json             four sequences, each run alone: no padding
expected.safetensors   hidden.0 (embeddings), hidden.1 ... hidden.N as output_hidden_states has them: as packed rows [T, C],
                       the last one AFTER the final norm; logits [T, V]; loss [1], the mean of -log p over all tokens that
                       another one of their sequence precedes; grad.<parameter> of it for every parameter
adapter/               of phi3, whose matrices are fused: LoRA of rank 2 on all of them, random, as PEFT saves it
adapter_expected.safetensors  its loss, lastLogits [4, V] of the last token of each sequence, grad.<module path>.lora_A [R, I]
                       and .lora_B [O, R]

Tests/Goldens/decoders/configs.json: rows of a model, entries that replace those of its config.json, and keys that are left
out; configs.safetensors has for row N the logits [12, V] of the last three tokens of each sequence (all of a shorter
one), as transformers computes them with that config.

    HF_HUB_OFFLINE=1 python3 scripts/goldens/decoders_parity.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import json
import os
import random
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, write_json
from llama_parity import gradients, run
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import (
    AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, GraniteConfig, GraniteMoeHybridConfig, LlamaConfig,
    Ministral3Config, MistralConfig, Olmo2Config, Olmo3Config, Phi3Config, Qwen2Config, Qwen3Config, SmolLM3Config)

FOLDER = Path(GOLDENS) / "decoders"
SEED = 20261130
VOCABULARY = 61
LENGTHS = (1, 3, 7, 22)
COMMON = dict(
    vocab_size=VOCABULARY, hidden_size=20, num_attention_heads=4, num_key_value_heads=2, intermediate_size=20,
    max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)
LONG = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.3], "long_factor": [1.5, 6.0],
        "original_max_position_embeddings": 16}
MODELS = {
    "mistral": MistralConfig(
        **COMMON, num_hidden_layers=2, head_dim=6, sliding_window=7, rope_theta=10000.0, tie_word_embeddings=False),
    "qwen2": Qwen2Config(
        **COMMON | {"hidden_size": 24}, num_hidden_layers=3, use_sliding_window=True, sliding_window=5,
        max_window_layers=1, rope_theta=1000000.0, tie_word_embeddings=True),
    "qwen3": Qwen3Config(
        **COMMON, num_hidden_layers=3, head_dim=8, attention_bias=True, rope_theta=1000000.0,
        tie_word_embeddings=False),
    # Caps that scores and logits of this size feel
    "gemma2": Gemma2Config(
        **COMMON, num_hidden_layers=3, head_dim=6, sliding_window=6, query_pre_attn_scalar=10,
        attn_logit_softcapping=1.5, final_logit_softcapping=2.5, rope_theta=10000.0),
    "gemma3": Gemma3TextConfig(
        **COMMON, num_hidden_layers=4, head_dim=8, sliding_window=5, query_pre_attn_scalar=12, sliding_window_pattern=3,
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 100000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1000.0}}),
    "phi3": Phi3Config(
        **COMMON | {"hidden_size": 32, "intermediate_size": 20}, num_hidden_layers=2, sliding_window=9,
        original_max_position_embeddings=16, partial_rotary_factor=0.5, rope_parameters=dict(LONG),
        tie_word_embeddings=False),
    "smollm3": SmolLM3Config(
        **COMMON | {"hidden_size": 16}, num_hidden_layers=4, no_rope_layer_interval=2, use_sliding_window=True,
        sliding_window=8, attention_bias=True, rope_theta=2000000.0),
    "granite": GraniteConfig(
        **COMMON | {"hidden_size": 24}, num_hidden_layers=3, attention_bias=True, mlp_bias=True, rope_theta=10000.0,
        embedding_multiplier=3.0, residual_multiplier=0.4, attention_multiplier=0.3, logits_scaling=2.5),
    "olmo2": Olmo2Config(
        **COMMON | {"hidden_size": 24}, num_hidden_layers=3, attention_bias=True, rope_theta=500000.0,
        tie_word_embeddings=False),
    "granite4": GraniteMoeHybridConfig(
        **COMMON | {"hidden_size": 24}, num_hidden_layers=2, num_local_experts=0, shared_intermediate_size=18,
        layer_types=["full_attention"] * 2, position_embedding_type="rope", attention_bias=True, embedding_multiplier=3.0,
        residual_multiplier=0.4, attention_multiplier=0.3, logits_scaling=2.5, mamba_n_heads=4),
    "olmo3": Olmo3Config(
        **COMMON | {"hidden_size": 24}, num_hidden_layers=2, sliding_window=6,
        layer_types=["sliding_attention", "full_attention"], rope_parameters={
            "full_attention": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16,
                               "attention_factor": 1.2, "rope_theta": 1000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1000.0}}),
    # Beyond the original length of 5 queries grow.
    "ministral3": Ministral3Config(
        **COMMON, num_hidden_layers=2, head_dim=8, sliding_window=None, rope_parameters={
            "rope_type": "yarn", "rope_theta": 1000.0, "factor": 8.0, "original_max_position_embeddings": 5,
            "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.4}),
    # For kinds of rotary positions: eight pairs a head, sequences on both sides of 16 and of the longest, 20
    "rope": LlamaConfig(
        **COMMON | {"hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 12,
                    "max_position_embeddings": 20}, num_hidden_layers=2, head_dim=16, rope_theta=10000.0),
}
YARN = {"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0, "original_max_position_embeddings": 16}
EIGHT = [1.0, 1.0, 1.1, 1.4, 2.0, 2.5, 3.5, 4.0]
LLAMA3 = {"rope_type": "llama3", "rope_theta": 1000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}


def rows():
    """(model, entries, left out)"""
    for rope in (
        {"rope_type": "default", "rope_theta": 500.0},
        {"rope_type": "linear", "factor": 3.0, "rope_theta": 10000.0},
        LLAMA3,
        {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0},
        YARN, YARN | {"truncate": False}, YARN | {"attention_factor": 0.7}, YARN | {"beta_fast": 4.0, "beta_slow": 0.5},
        YARN | {"mscale": 0.8, "mscale_all_dim": 0.5}, YARN | {"mscale": 0.8},
        {"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0},
        {"rope_type": "longrope", "rope_theta": 1000.0, "short_factor": EIGHT[::-1], "long_factor": EIGHT,
         "original_max_position_embeddings": 16, "factor": 4.0},
        {"rope_type": "longrope", "rope_theta": 1000.0, "short_factor": EIGHT[::-1], "long_factor": EIGHT,
         "original_max_position_embeddings": 16, "attention_factor": 1.4},
    ):
        yield "rope", {"rope_parameters": rope}, []
    yield "rope", {"rope_theta": 300.0}, ["rope_parameters"]
    yield "rope", {}, ["rope_parameters"]
    yield "rope", {"rope_theta": 300.0, "rope_scaling": None}, ["rope_parameters"]
    yield "rope", {"rope_theta": 300.0, "rope_scaling": {"type": "linear", "factor": 2.0}}, ["rope_parameters"]
    yield "rope", {"rope_theta": 300.0, "rope_scaling": {"type": "dynamic", "factor": 3.0}}, ["rope_parameters"]
    yield "rope", {"rope_theta": 300.0, "rope_scaling": {
        "rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 8}}, ["rope_parameters"]
    yield "rope", {"original_max_position_embeddings": 8, "rope_parameters": YARN}, []
    # transformers 5.24 knows no "su" any more, which its Phi 3 would take for the same.
    old = {"type": "longrope", "short_factor": [1.0, 1.2], "long_factor": [1.4, 5.0]}
    yield "phi3", {"rope_theta": 300.0, "rope_scaling": old}, ["rope_parameters"]
    yield "phi3", {"rope_theta": 300.0, "rope_scaling": old | {"type": "yarn"}, "sliding_window": None}, ["rope_parameters"]
    yield "phi3", {"rope_theta": 300.0, "rope_scaling": old}, ["rope_parameters", "original_max_position_embeddings"]
    yield "phi3", {"partial_rotary_factor": 0.75}, ["rope_parameters"]
    yield "phi3", {}, ["rope_parameters", "partial_rotary_factor", "sliding_window"]
    yield "mistral", {"sliding_window": None}, []
    yield "mistral", {}, ["sliding_window"]
    yield "mistral", {"hidden_act": "gelu_pytorch_tanh"}, []
    yield "qwen2", {"use_sliding_window": False}, ["layer_types"]
    yield "qwen2", {"max_window_layers": 2}, ["layer_types"]
    yield "qwen2", {"layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}, []
    yield "qwen3", {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 2}, ["layer_types"]
    yield "qwen3", {"rms_norm_eps": 0.05}, ["rope_parameters"]
    yield "gemma2", {"final_logit_softcapping": None, "attn_logit_softcapping": None}, []
    yield "gemma2", {"hidden_act": "relu", "cache_implementation": "hybrid"}, [
        "layer_types", "final_logit_softcapping", "attn_logit_softcapping", "query_pre_attn_scalar"]
    yield "gemma2", {"layer_types": ["full_attention", "full_attention", "sliding_attention"]}, []
    yield "gemma3", {"rope_theta": 5000.0, "rope_local_base_freq": 700.0, "sliding_window_pattern": 2,
                     "rope_scaling": {"rope_type": "linear", "factor": 8.0}}, ["rope_parameters", "layer_types"]
    yield "gemma3", {"final_logit_softcapping": 2.0}, ["rope_parameters", "layer_types", "sliding_window_pattern"]
    yield "gemma3", {"rope_parameters": {"full_attention": {"rope_type": "default"}}}, []
    yield "smollm3", {}, ["layer_types", "no_rope_layers", "no_rope_layer_interval"]
    yield "smollm3", {"no_rope_layers": [0, 1, 1, 0], "use_sliding_window": False}, ["layer_types"]
    yield "granite", {"residual_multiplier": 1.0}, ["logits_scaling", "embedding_multiplier", "attention_multiplier"]
    yield "olmo2", {}, ["rms_norm_eps", "rope_parameters"]
    yield "granite4", {"position_embedding_type": "nope"}, []
    yield "granite4", {"layer_types": ["attention", "attention"]}, []
    yield "olmo3", {"rope_theta": 500000.0, "rope_scaling": {
        "rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 8}}, ["rope_parameters", "layer_types"]
    yield "ministral3", {"sliding_window": 4}, []


def random_model(config):
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    generator = torch.Generator().manual_seed(SEED)
    ones = 0 if config.model_type.startswith("gemma") else 1
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            # Large enough that neither the attention nor the gates are near uniform.
            parameter.copy_(ones + noise * 0.2 if "norm" in name else noise * 0.25)
    return model


def opened(folder, dtype):
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=dtype).train()


def expected(folder, sequences):
    """The tensors, after saying how far float32 itself is from the exact values: the ground for the tests' tolerances."""
    predicted = sum(len(sequence["ids"]) - 1 for sequence in sequences)
    results = []
    for dtype in (torch.float32, torch.float64):
        model = opened(folder, dtype)
        results.append(run(model, sequences, predicted) | gradients(model))
    single, exact = results
    exact = {name: values for name, values in exact.items() if values.abs().max() > 1e-7}
    worst = max(
        ((single[name] - exact[name]).abs().max() / exact[name].abs().max().clamp(min=1e-9)).item() for name in exact)
    print(folder.parent.name, "loss", single["loss"].item(), "tensors", len(single),
          "largest relative difference of float32 and float64", worst)
    single.pop("beforeNorm")
    return single


def save_adapter(folder):
    model = get_peft_model(opened(folder / "model", torch.float32), LoraConfig(
        task_type="CAUSAL_LM", r=2, lora_alpha=3, lora_dropout=0.0,
        target_modules=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    # The path of this machine means nothing elsewhere.
    model.peft_config["default"].base_model_name_or_path = "model"
    model.save_pretrained(folder / "adapter")
    (folder / "adapter/README.md").unlink()


def expected_of_adapter(folder, sequences):
    predicted = sum(len(sequence["ids"]) - 1 for sequence in sequences)
    model = PeftModel.from_pretrained(opened(folder / "model", torch.float32), folder / "adapter", is_trainable=True)
    tensors = run(model.train(), sequences, predicted)
    ends = torch.tensor([len(sequence["ids"]) for sequence in sequences]).cumsum(0) - 1
    return {"loss": tensors["loss"], "lastLogits": tensors["logits"][ends].contiguous()} | gradients(model)


def make(name, config):
    folder = FOLDER / name
    random_model(config).save_pretrained(folder / "model")
    (folder / "model/generation_config.json").unlink(missing_ok=True)
    generator = random.Random(SEED)
    # The padding id 0 never gets a gradient from PyTorch.
    sequences = [{"ids": [generator.randrange(3, VOCABULARY) for _ in range(length)]} for length in LENGTHS]
    write_json(folder / "batch.json", {"sequences": sequences})
    if name != "rope":
        save_file(expected(folder / "model", sequences), folder / "expected.safetensors")
    if name == "phi3":
        save_adapter(folder)
        save_file(expected_of_adapter(folder, sequences), folder / "adapter_expected.safetensors")


def last_logits(name, entries, absent):
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        shutil.copy(FOLDER / name / "model/model.safetensors", folder)
        config = json.loads((FOLDER / name / "model/config.json").read_text()) | entries
        for key in absent:
            config.pop(key, None)
        (folder / "config.json").write_text(json.dumps(config))
        values = []
        for sequence in json.loads((FOLDER / name / "batch.json").read_text())["sequences"]:
            # Opened anew for each: positions of some kinds remember how long sequences were.
            model = opened(folder, torch.float32).eval()
            with torch.no_grad():
                values.append(model(input_ids=torch.tensor([sequence["ids"]])).logits[0, -3:])
    return torch.cat(values).contiguous()


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, config in MODELS.items():
        make(name, config)
    lines, tensors = [], {}
    for number, (name, entries, absent) in enumerate(rows()):
        lines.append(json.dumps({"model": name, "entries": entries, "absent": absent}))
        tensors[f"logits.{number}"] = last_logits(name, entries, absent)
    (FOLDER / "configs.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    save_file(tensors, FOLDER / "configs.safetensors")
    print(len(lines), "rows")


if __name__ == "__main__":
    main()
