#!/usr/bin/env python3
"""Write the GGUF goldens with ggml's Python package.

types.gguf            a key of every type, arrays of every type, a tensor in every format with arbitrary bytes
types.json            keys in their order with type and value; per tensor its format, shape (slowest first), bytes in
                      hexadecimal, and for F32, F16, BF16 and F64 its values in Float32 as bit patterns
version2.gguf         the same keys with two tensors, marked as version 2, whose layout is that of version 3
big-endian.gguf       the same in the other order of bytes
split/                five tensors in files of two tensors each

    python3 scripts/goldens/gguf_files.py          # gguf 0.19.0
"""

import json
import os

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFEndian, GGUFReader, GGUFValueType, GGUFWriter

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "Tests", "Goldens", "gguf")
INTEGERS = {"UINT8": [0, 255], "INT8": [-128, 127], "UINT16": [0, 65535], "INT16": [-32768, 32767],
            "UINT32": [0, 2**32 - 1], "INT32": [-2**31, 2**31 - 1], "UINT64": [2**32, 2**64 - 1],
            "INT64": [-2**63, 2**63 - 1]}
PLAIN = {"F32": numpy.float32, "F16": numpy.float16, "F64": numpy.float64, "I8": numpy.int8, "I16": numpy.int16,
         "I32": numpy.int32, "I64": numpy.int64}


def keys():
    """Name, type, value; an array has the type of its elements in a list."""
    rows = [("general.architecture", "STRING", "llama"), ("general.name", "STRING", "größe \"q\"\\\n漢字 \U0001f600")]
    for kind, values in INTEGERS.items():
        rows += [(f"{kind.lower()}.{index}", kind, value) for index, value in enumerate(values)]
        rows.append((f"{kind.lower()}s", [kind], values))
    rows += [("float32", "FLOAT32", 0.1), ("float64", "FLOAT64", 0.1), ("true", "BOOL", True), ("false", "BOOL", False),
             ("float32s", ["FLOAT32"], [1.5, -0.0, 1e-45, 3e38]), ("float64s", ["FLOAT64"], [0.1, 1e300]),
             ("bools", ["BOOL"], [True, False, True]), ("strings", ["STRING"], ["a", "", "é", "e\u0301", "<0x0A>"])]
    return rows


def add_keys(writer, rows):
    for name, kind, value in rows:
        if isinstance(kind, list):
            writer.add_key_value(name, value, GGUFValueType.ARRAY, sub_type=GGUFValueType[kind[0]])
        elif name != "general.architecture":
            writer.add_key_value(name, value, GGUFValueType[kind])


def save(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tensors():
    random = numpy.random.default_rng(22)
    rows = {"scalar": ("F32", numpy.array(0.25, dtype=numpy.float32)),
            "three": ("F32", random.normal(size=(2, 3, 5)).astype(numpy.float32)),
            "vector.weight": ("F16", numpy.array([1, -2.5, 6e-8, 65504, numpy.inf], dtype=numpy.float16))}
    for kind in GGMLQuantizationType:
        name = f"{kind.name.lower()}.weight"
        block, size = GGML_QUANT_SIZES[kind]
        if kind.name in PLAIN:
            values = random.normal(scale=100, size=(2, 3)).astype(PLAIN[kind.name])
            rows[name] = (kind.name, values)
        else:
            # Of a BF16 no NaN: a sign, an exponent that is small, a mantissa.
            packed = random.integers(0, 256, size=(2, 3 * size if block == 1 else size), dtype=numpy.uint8)
            if kind.name == "BF16":
                packed[:, 1::2] &= 0xBF
            rows[name] = (kind.name, packed)
    return rows


def add_tensor(writer, name, kind, values):
    raw = None if kind in PLAIN else GGMLQuantizationType[kind]
    writer.add_tensor(name, values, raw_dtype=raw)


def float32_bits(kind, values):
    if kind == "BF16":
        return (values.reshape(-1).view(numpy.uint16).astype(numpy.uint32) << 16).tolist()
    return values.astype(numpy.float32).reshape(-1).view(numpy.uint32).tolist()


def plain(value):
    """Integers as text: JSON's numbers are not exact beyond 2^53."""
    if isinstance(value, list):
        return [plain(element) for element in value]
    return str(value) if type(value) is int else value


def types():
    writer = GGUFWriter(os.path.join(FOLDER, "types.gguf"), "llama")
    add_keys(writer, keys())
    rows = tensors()
    for name, (kind, values) in rows.items():
        add_tensor(writer, name, kind, values)
    save(writer)
    # As the package reads it again.
    read = {tensor.name: tensor for tensor in GGUFReader(os.path.join(FOLDER, "types.gguf")).tensors}
    expected = {}
    for name, (kind, values) in rows.items():
        tensor = read[name]
        assert tensor.tensor_type.name == kind and bytes(tensor.data) == values.tobytes(), name
        expected[name] = {"format": kind, "shape": [int(size) for size in reversed(tensor.shape)],
                          "bytes": values.tobytes().hex()}
        if kind in ["F32", "F16", "BF16", "F64"]:
            expected[name]["float32_bits"] = float32_bits(kind, values)
    listed = [{"key": name, "type": kind, "value": plain(value)} for name, kind, value in keys()]
    with open(os.path.join(FOLDER, "types.json"), "w", encoding="utf-8") as file:
        json.dump({"keys": listed, "tensors": expected}, file, indent=1, ensure_ascii=False)
        file.write("\n")


def small(name, **options):
    path = os.path.join(FOLDER, name)
    writer = GGUFWriter(path, "llama", **options)
    add_keys(writer, keys())
    for tensor in ["three", "q4_0.weight"]:
        add_tensor(writer, tensor, *tensors()[tensor])
    save(writer)
    return path


def main():
    os.makedirs(os.path.join(FOLDER, "split"), exist_ok=True)
    types()
    with open(small("version2.gguf"), "r+b") as file:
        file.seek(4)
        file.write(b"\2")
    small("big-endian.gguf", endianess=GGUFEndian.BIG)
    writer = GGUFWriter(os.path.join(FOLDER, "split", "model.gguf"), "llama", split_max_tensors=2)
    writer.add_uint32("llama.block_count", 7)
    for name in ["three", "q8_0.weight", "f32.weight", "bf16.weight", "scalar"]:
        add_tensor(writer, name, *tensors()[name])
    save(writer)


if __name__ == "__main__":
    main()
