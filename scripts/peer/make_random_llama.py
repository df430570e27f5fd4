#!/usr/bin/env python3
"""Writes a folder of a Llama of 1.1 billion random weights, to measure memory with: it knows nothing.

usage: make_random_llama.py TOKENIZER.gguf FOLDER [--layers N]

Sizes are TinyLlama's (22 layers of width 2,048), words those of the GGUF, which also gives the tokenizer. Weights are BF16, drawn
from N(0, 0.02) and written tensor by tensor, so that it takes 300 MB here. As a 4-bit file:
`adalora export FOLDER --to gguf --merged-type q4_k --output FILE.gguf`.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np

WIDTH, HEADS, KEY_HEADS, INNER, SPREAD = 2048, 32, 4, 5632, 0.02
ROWS_AT_ONCE = 4096


def shapes(words: int, layers: int) -> dict[str, tuple[int, ...]]:
    keys = WIDTH // HEADS * KEY_HEADS
    found = {"model.embed_tokens.weight": (words, WIDTH), "model.norm.weight": (WIDTH,)}
    for layer in range(layers):
        for name, shape in {
            "self_attn.q_proj": (WIDTH, WIDTH), "self_attn.k_proj": (keys, WIDTH), "self_attn.v_proj": (keys, WIDTH),
            "self_attn.o_proj": (WIDTH, WIDTH), "mlp.gate_proj": (INNER, WIDTH), "mlp.up_proj": (INNER, WIDTH),
            "mlp.down_proj": (WIDTH, INNER), "input_layernorm": (WIDTH,), "post_attention_layernorm": (WIDTH,),
        }.items():
            found[f"model.layers.{layer}.{name}.weight"] = shape
    return found


def bfloat16(values: np.ndarray) -> bytes:
    """Rounded to the nearest, halves to even."""
    bits = values.astype("<f4").view("<u4")
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()


def write(path: Path, tensors: dict[str, tuple[int, ...]]) -> None:
    header, place = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors.items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    generator = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for shape in tensors.values():
            if len(shape) == 1:
                file.write(bfloat16(np.ones(shape)))
                continue
            for first in range(0, shape[0], ROWS_AT_ONCE):
                rows = min(ROWS_AT_ONCE, shape[0] - first)
                file.write(bfloat16(SPREAD * generator.standard_normal((rows, shape[1]), np.float32)))


def make(tokenizer_file: Path, folder: Path, layers: int = 22) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_file.parent, gguf_file=tokenizer_file.name)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    words = len(tokenizer)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": words, "hidden_size": WIDTH,
        "num_hidden_layers": layers, "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS, "head_dim": WIDTH // HEADS,
        "intermediate_size": INNER, "hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False, "dtype": "bfloat16",
        "initializer_range": SPREAD, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    write(folder / "model.safetensors", shapes(words, layers))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=22)
    options = parser.parse_args()
    make(options.tokenizer, options.folder, options.layers)


if __name__ == "__main__":
    main()
