#!/usr/bin/env python3
"""Matrices and models that bitsandbytes packed, unpacked by its own Python code, which is that of every backend without a
library. Its library for CPUs (0.50.2) takes scales of other blocks where rows are no whole ones and their lengths whole
vectors, so that weights are off by a third; it is asked for none.

Tests/Goldens/weights/nf4.safetensors    NAME.values [O, I] Float32; NAME.codes, NAME.absmax and, of scales that are packed too,
                                         NAME.nested_absmax, NAME.nested_quant_map, NAME.offset [1]; NAME.unpacked [O, I] Float32,
                                         what bitsandbytes unpacks, rounded to the type that the values had. Also int8.codes
                                         [O, I], int8.scales [O] and int8.unpacked
Tests/Goldens/bitsandbytes/NAME          config.json and model.safetensors of tiny random models as transformers saves them with
                                         these weights, unpacked.safetensors with the matrices as it unpacks them, hidden states
                                         and logits of the model of these in Float32: hidden [T, C] after the final norm, logits
                                         [T, V]; ids [T], a single sequence

    HF_HUB_OFFLINE=1 python3 scripts/goldens/bitsandbytes_weights.py   # bitsandbytes 0.50.2, torch 2.13.0, transformers 5.24.0
"""

import os
import shutil
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Compiling bitsandbytes' Python code takes minutes.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")

import bitsandbytes
import bitsandbytes.functional as functional
import torch
from bert_parity import GOLDENS
from bitsandbytes.backends.default.ops import _dequantize_4bit_compute
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, GPT2Config, LlamaConfig

# Rows that begin within a block, a short last block, an odd number of weights, several blocks of scales
MATRICES = {
    "plain": ((5, 50), 64, False, torch.float32),
    "double": ((91, 91), 32, True, torch.float32),
    "bfloat16": ((4, 96), 64, False, torch.bfloat16),
    "float16": ((4, 96), 128, True, torch.float16),
}
LLAMA = LlamaConfig(
    vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=36,
    max_position_embeddings=32, attn_implementation="eager", bos_token_id=0, eos_token_id=1)
GPT2 = GPT2Config(
    vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=32, attn_implementation="eager", bos_token_id=0, eos_token_id=1)
FOUR_BITS = dict(load_in_4bit=True, bnb_4bit_quant_type="nf4")
MODELS = {
    "nf4": (LLAMA, torch.float32, dict(**FOUR_BITS)),
    "nf4-double": (LLAMA, torch.bfloat16, dict(**FOUR_BITS, bnb_4bit_use_double_quant=True)),
    "int8": (LLAMA, torch.float32, dict(load_in_8bit=True)),
    "gpt2-nf4": (GPT2, torch.float32, dict(**FOUR_BITS)),
}


def unpack(codes, state):
    scales = state.absmax
    if state.nested:
        scales = functional.dequantize_blockwise(scales, state.state2) + state.offset
    return _dequantize_4bit_compute(codes.reshape(-1), scales, state.code, state.blocksize, state.shape, state.dtype)


def matrices():
    generator = torch.Generator().manual_seed(31)
    tensors = {}
    for name, (shape, block, nested, dtype) in MATRICES.items():
        values = torch.randn(shape, generator=generator).to(dtype)
        values[1, 3:7] = 0
        codes, state = functional.quantize_4bit(values, blocksize=block, quant_type="nf4", compress_statistics=nested)
        tensors[f"{name}.values"] = values.float()
        tensors[f"{name}.codes"] = codes.reshape(-1)
        tensors[f"{name}.absmax"] = state.absmax
        if nested:
            tensors[f"{name}.nested_absmax"] = state.state2.absmax
            tensors[f"{name}.nested_quant_map"] = state.state2.code
            tensors[f"{name}.offset"] = state.offset.reshape(1)
        unpacked = unpack(codes, state)
        assert unpacked.dtype == dtype
        tensors[f"{name}.unpacked"] = unpacked.float().reshape(shape).contiguous()
    codes = torch.randint(-127, 128, (6, 40), generator=generator, dtype=torch.int8)
    scales = torch.rand(6, generator=generator) * 3
    tensors |= {"int8.codes": codes, "int8.scales": scales,
                "int8.unpacked": functional.int8_vectorwise_dequant(codes, scales)}
    save_file(tensors, os.path.join(GOLDENS, "weights", "nf4.safetensors"))


def plain_model(config):
    model = AutoModelForCausalLM.from_config(config)
    generator = torch.Generator().manual_seed(32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            isNorm = "norm" in name or "ln_" in name
            parameter.copy_(1 + noise * 0.2 if isNorm and name.endswith("weight") else noise * 0.25)
    return model


def packed_model(name, config, dtype, settings):
    folder = os.path.join(GOLDENS, "bitsandbytes", name)
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as before, tempfile.TemporaryDirectory() as after:
        plain_model(config).save_pretrained(before)
        model = AutoModelForCausalLM.from_pretrained(
            before, quantization_config=BitsAndBytesConfig(**settings), device_map="cpu", dtype=dtype)
        model.save_pretrained(after)
        os.makedirs(folder)
        for file in ["config.json", "model.safetensors"]:
            shutil.copy(os.path.join(after, file), folder)
        unpacked = {}
        for path, module in model.named_modules():
            if isinstance(module, bitsandbytes.nn.Linear4bit):
                unpacked[path] = unpack(module.weight.data, module.weight.quant_state)
            elif isinstance(module, bitsandbytes.nn.Linear8bitLt):
                scales = module.weight.SCB if module.state.SCB is None else module.state.SCB
                unpacked[path] = functional.int8_vectorwise_dequant(module.weight.data, scales)
        stored = load_file(os.path.join(folder, "model.safetensors"))
        plain = AutoModelForCausalLM.from_config(config).float().eval()
        parameters = dict(plain.named_parameters())
        with torch.no_grad():
            for path, parameter in parameters.items():
                module = path.removesuffix(".weight")
                if module in unpacked:
                    values = unpacked[module].float()
                    isTurned = "Conv1D" in type(plain.get_submodule(module)).__name__
                    parameter.copy_(values.T if isTurned else values)
                else:
                    parameter.copy_(stored[path].float())
        ids = torch.randint(0, 40, (1, 12), generator=torch.Generator().manual_seed(33))
        with torch.no_grad():
            output = plain(ids, output_hidden_states=True)
        tensors = {f"{path}.weight": values.float().contiguous() for path, values in unpacked.items()}
        assert len(tensors) == 2 * (7 if config is LLAMA else 4)
        tensors |= {"hidden": output.hidden_states[-1][0].contiguous(), "logits": output.logits[0].contiguous(), "ids": ids[0]}
        save_file(tensors, os.path.join(folder, "unpacked.safetensors"))


def main():
    matrices()
    for name, arguments in MODELS.items():
        packed_model(name, *arguments)


if __name__ == "__main__":
    main()
