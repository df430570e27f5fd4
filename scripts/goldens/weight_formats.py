#!/usr/bin/env python3
"""Frozen weights in the formats that files keep them in, packed and unpacked by ggml's own Python package.

formats.safetensors    `values` [12, 96] Float32, some rows very small or zero; for each FORMAT of F16, BF16 and Q8_0:
                       `FORMAT` [12, bytes of a row] packed from them, and `FORMAT.values` unpacked again;
                       `Q8_0.any` blocks of arbitrary bytes with finite scales, and `Q8_0.any.values`
blocks.safetensors     for each other FORMAT of ggml: `FORMAT` [6, bytes of two blocks] of arbitrary bytes with finite scales,
                       and `FORMAT.values` unpacked
packed.safetensors     `values` [14, 512] Float32 of many kinds; for each FORMAT that this program packs blocks of: `FORMAT` [14, bytes
                       of a row] by ggml's own quantiser in C: the Python package has no K formats, and gives scales and
                       minima of 0 another sign

    python3 scripts/goldens/weight_formats.py XLLAMACPP   # gguf 0.19.0; the unpacked wheel xllamacpp 2026.10.11549
"""

import ctypes
import os
import sys

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

# Where the half-precision scales of a block stand
BLOCKS = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2],
          "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": []}
FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "Tests", "Goldens", "weights")


def other_formats():
    random = numpy.random.default_rng(21)
    tensors = {}
    for name, scales in BLOCKS.items():
        kind = GGMLQuantizationType[name]
        size = GGML_QUANT_SIZES[kind][1]
        packed = random.integers(0, 256, size=(12, size), dtype=numpy.uint8)
        for place in scales:
            # An exponent of ones would be infinity or NaN; half of the blocks have scales of models.
            packed[:, place + 1] &= 0xBF
            usual = random.normal(scale=0.01, size=6).astype(numpy.float16)
            packed[6:, place:place + 2] = usual.view(numpy.uint8).reshape(6, 2)
        if name == "MXFP4":
            # From the largest exponent without overflow over subnormal weights to those of models.
            packed[:, 0] = [252, 0, 1, 2, 3, 127, 118, 119, 120, 121, 122, 123]
        tensors[name] = packed.reshape(6, 2 * size)
        tensors[name + ".values"] = dequantize(tensors[name], kind)
    save_file(tensors, os.path.join(FOLDER, "blocks.safetensors"))


def values_of_many_kinds():
    random = numpy.random.default_rng(22)
    values = random.normal(size=(14, 512))
    values[1] *= 0.02
    values[2] = 0.02 * random.standard_t(5, size=512)
    values[3] = numpy.abs(values[3]) + 1
    values[4] = -numpy.abs(values[4]) - 1
    # Ties between two levels
    values[5] = random.integers(-8, 9, size=512) * 0.125
    values[6] *= random.random(512) < 0.05
    values[7] = numpy.repeat(values[7, :16], 32)
    # Groups of very different sizes, some with scales below half precision
    values[8] *= numpy.repeat(10.0 ** random.integers(-9, 1, size=16), 32)
    values[9] *= 1e-7
    values[10] *= 1e-16
    values[11] *= 3000
    values[12] = 0
    values[12, 300] = -0.7
    values[13] = 0
    return values.astype(numpy.float32)


def packed_blocks(folder):
    """ggml's library is inside of the extension; its symbols of Python are found in this process."""
    library = ctypes.CDLL(os.path.join(folder, "xllamacpp", "xllamacpp.abi3.so"), mode=os.RTLD_LAZY)
    pack = library.ggml_quantize_chunk
    pack.restype = ctypes.c_size_t
    pack.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    values = values_of_many_kinds()
    tensors = {"values": values}
    for name in ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]:
        kind = GGMLQuantizationType[name]
        weights, size = GGML_QUANT_SIZES[kind]
        packed = numpy.zeros((14, 512 // weights * size), dtype=numpy.uint8)
        written = pack(int(kind), values.ctypes.data, packed.ctypes.data, 0, 14, 512, None)
        assert written == packed.size
        tensors[name] = packed
    save_file(tensors, os.path.join(FOLDER, "packed.safetensors"))


def main():
    random = numpy.random.default_rng(20)
    values = random.normal(size=(12, 96)).astype(numpy.float32)
    # Half-precision scales of the last rows are below the normal range, or 0.
    values *= numpy.array([1, 1, 1, 1, 0.02, 0.02, 50, 1e-3, 1e-4, 3e-6, 1e-7, 0], dtype=numpy.float32)[:, None]
    values[2, 32:64] = 0
    tensors = {"values": values}
    for name in ["F16", "BF16", "Q8_0"]:
        kind = GGMLQuantizationType[name]
        packed = quantize(values, kind).view(numpy.uint8)
        tensors[name] = packed
        tensors[name + ".values"] = dequantize(packed, kind).reshape(values.shape)
    blocks = random.integers(0, 256, size=(8, 3, 34), dtype=numpy.uint8)
    # An exponent of ones would be infinity or NaN.
    blocks[:, :, 1] &= 0xBF
    packed = blocks.reshape(8, 3 * 34)
    tensors["Q8_0.any"] = packed
    tensors["Q8_0.any.values"] = dequantize(packed, GGMLQuantizationType.Q8_0)
    os.makedirs(FOLDER, exist_ok=True)
    save_file(tensors, os.path.join(FOLDER, "formats.safetensors"))
    other_formats()
    packed_blocks(sys.argv[1])


if __name__ == "__main__":
    main()
