#!/usr/bin/env python3
"""Write the safetensors goldens with the reference implementation (safetensors, PyTorch).

mixed.safetensors    every element type that matters here, an empty tensor, a scalar, one metadata entry
mixed.json           per tensor: dtype, shape, and for floating point its values converted to float32 by
                     PyTorch, as bit patterns (so NaN, -0 and subnormals compare too)
sharded/             the same kind of file in two shards with model.safetensors.index.json

    python3 scripts/goldens/safetensors_files.py          # safetensors 0.8.0, torch 2.13.0
"""

import json
import os

import numpy
import torch
from safetensors.torch import save_file

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "Tests", "Goldens", "safetensors")
DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
          torch.int64: "I64", torch.uint8: "U8", torch.bool: "BOOL"}


def mixed():
    special = [0.0, -0.0, 1.0, -2.5, 1 / 3, 65504.0, 6e-8, 3e-5, float("inf"), float("-inf"), float("nan"), 1e-3]
    return {
        "layer.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3) * 0.37 - 1,
        "layer.bias": torch.tensor(special, dtype=torch.float32),
        "half": torch.tensor(special, dtype=torch.float16).reshape(3, 4),
        "brain": torch.tensor(special, dtype=torch.bfloat16).reshape(4, 3),
        "double": torch.tensor(special + [1e-50, 3.141592653589793], dtype=torch.float64),
        "position_ids": torch.tensor([[0, 1, -2, 2**40]], dtype=torch.int64),
        "bytes": torch.tensor([1, 2, 255], dtype=torch.uint8),
        "flags": torch.tensor([True, False]),
        "empty": torch.zeros((0, 4), dtype=torch.float32),
        "scalar": torch.tensor(0.1, dtype=torch.float32),
        "größe \"q\"\\\n": torch.tensor([7.0], dtype=torch.float32),
    }


def bits(tensor):
    return tensor.to(torch.float32).contiguous().numpy().view(numpy.uint32).reshape(-1).tolist()


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


def main():
    sharded = os.path.join(FOLDER, "sharded")
    os.makedirs(sharded, exist_ok=True)
    tensors = mixed()
    save_file(tensors, os.path.join(FOLDER, "mixed.safetensors"), metadata={"format": "pt"})
    write_json(os.path.join(FOLDER, "mixed.json"), {
        name: {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape),
               "float32_bits": bits(tensor) if tensor.is_floating_point() else None}
        for name, tensor in tensors.items()})
    shards = {"model-00001-of-00002.safetensors": ["layer.weight", "half"],
              "model-00002-of-00002.safetensors": ["layer.bias", "position_ids"]}
    for shard, names in shards.items():
        save_file({name: tensors[name] for name in names}, os.path.join(sharded, shard), metadata={"format": "pt"})
    total = sum(tensors[name].nbytes for names in shards.values() for name in names)
    write_json(os.path.join(sharded, "model.safetensors.index.json"), {
        "metadata": {"total_size": total},
        "weight_map": {name: shard for shard, names in shards.items() for name in names}})


if __name__ == "__main__":
    main()
