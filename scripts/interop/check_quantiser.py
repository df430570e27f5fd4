"""Compares files that adalora quantises with files that llama.cpp's own quantiser makes of the same half-precision weights: both
are read by llama.cpp, which tells their perplexities on the same pages, and ours may be worse by 1 % at most.

usage: check_quantiser.py ADALORA WORK MODEL.gguf…

A model is unpacked to a Hugging Face folder of 16-bit floats first. ggml rounds the blocks (`ggml_quantize_chunk`), and which
tensor gets which type is what `llama_tensor_get_type` decides for Q8_0 and Q4_K_S; xllamacpp has no
`llama_model_quantize`. Where both files have a tensor in one type its bytes are the same.
"""

import ctypes as C
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/goldens"))

import llama_cpp_logits  # noqa: E402
from llama_cpp_logits import Model, perplexity  # noqa: E402

Type = gguf.GGMLQuantizationType
# Where rows are no whole blocks.
FALLBACK = {Type.Q4_K: Type.Q5_0, Type.Q5_K: Type.Q5_1, Type.Q6_K: Type.Q8_0}
PAGES, TOKENS = 2, 480
WORSE = 1.01

_pack = llama_cpp_logits._LIBRARY.ggml_quantize_chunk
_pack.restype = C.c_size_t
_pack.argtypes = [C.c_int, C.c_void_p, C.c_void_p] + [C.c_int64] * 3 + [C.c_void_p]


def adalora(program: str, *arguments) -> str:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def chosen(name: str, columns: int, kind: str, layers: int, is_tied: bool) -> Type:
    """Of `llama_tensor_get_type_impl` what dense models need."""
    if kind == "Q8_0":
        found = Type.Q8_0
    else:
        found = Type.Q4_K
        layer = int((re.match(r"blk\.(\d+)\.", name) or [0, 0])[1])
        if name == "output.weight" or (name == "token_embd.weight" and is_tied):
            found = Type.Q8_0 if columns % 256 else Type.Q6_K
        elif "attn_v.weight" in name or "ffn_down" in name:
            if layer < (4 if "attn_v" in name else layers // 8):
                found = Type.Q5_K
    if columns % gguf.GGML_QUANT_SIZES[found][0]:
        found = FALLBACK[found]
    assert columns % gguf.GGML_QUANT_SIZES[found][0] == 0, (name, columns)
    return found


def quantise(source: gguf.GGUFReader, kind: str, target: Path) -> None:
    architecture = source.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    for field in source.fields.values():
        if field.name != "general.architecture" and not field.name.startswith("GGUF."):
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], inner)
    names = [tensor.name for tensor in source.tensors]
    layers = source.fields[f"{architecture}.block_count"].contents()
    for tensor in source.tensors:
        if len(tensor.shape) < 2:
            writer.add_tensor(tensor.name, tensor.data)
            continue
        values = np.ascontiguousarray(tensor.data, np.float32)
        rows, columns = values.shape
        found = chosen(tensor.name, columns, kind, layers, "output.weight" not in names)
        block, size = gguf.GGML_QUANT_SIZES[found]
        packed = np.zeros((rows, columns // block * size), np.uint8)
        assert _pack(int(found), values.ctypes.data, packed.ctypes.data, 0, rows, columns, None) == packed.size
        writer.add_tensor(tensor.name, packed, raw_dtype=found)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def same(one: Path, other: Path) -> tuple[int, int]:
    """How many matrices have one type in both files, whose bytes must be the same, and how many have others."""
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(other).tensors}
    pairs = [(tensor, theirs[tensor.name]) for tensor in gguf.GGUFReader(one).tensors if len(tensor.shape) > 1]
    alike = [(a, b) for a, b in pairs if a.tensor_type == b.tensor_type]
    for a, b in alike:
        assert a.data.tobytes() == b.data.tobytes(), a.name
    return len(alike), len(pairs) - len(alike)


def measured(path: Path, pages: list[list[int]]) -> float:
    judge = Model(str(path))
    found = [math.log(perplexity(judge.logits(ids), ids)) for ids in pages]
    judge.close()
    return math.exp(sum(found) / len(found))


def unpack(model: Path, folder: Path) -> None:
    made = AutoModelForCausalLM.from_pretrained(model.parent, gguf_file=model.name, dtype=torch.float16)
    weights = {name: value.contiguous() for name, value in made.state_dict().items()}
    if made.config.tie_word_embeddings:
        del weights["lm_head.weight"]
    AutoTokenizer.from_pretrained(model.parent, gguf_file=model.name).save_pretrained(folder)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = made.config.to_dict()
    # transformers would unpack the file once more.
    config.pop("quantization_config", None)
    (folder / "config.json").write_text(json.dumps(config, default=str))


def check(program: str, model: Path, work: Path) -> None:
    folder = work / f"half-{model.stem}"
    unpack(model, folder)
    files = {}
    for kind in ("f16", "q8_0", "q4_k"):
        files[kind] = work / f"{model.stem}-{kind}.gguf"
        adalora(program, "export", folder, "--to", "gguf", "--merged-type", kind, "--output", files[kind])
    judge = Model(str(files["f16"]))
    ids = judge.tokens((ROOT / "LICENSE").read_text())
    judge.close()
    pages = [ids[start:start + TOKENS] for start in range(0, PAGES * TOKENS, TOKENS)]
    source = gguf.GGUFReader(files["f16"])
    for kind in ("Q8_0", "Q4_K_S"):
        files[kind] = work / f"{model.stem}-by-llama-{kind}.gguf"
        quantise(source, kind, files[kind])
    found = {kind: measured(path, pages) for kind, path in files.items()}
    sizes = {kind: path.stat().st_size / 1e6 for kind, path in files.items()}
    print(f"  {model.name}, {sum(map(len, pages))} tokens in llama.cpp: perplexity {found['f16']:.3f} of F16; by llama.cpp's quantiser "
          + ", ".join(f"{kind} {found[kind]:.3f} ({sizes[kind]:.0f} MB)" for kind in ("Q8_0", "Q4_K_S")) + "; ours "
          + ", ".join(f"{kind} {found[kind]:.3f} ({sizes[kind]:.0f} MB)" for kind in ("q8_0", "q4_k")))
    for kind, own in (("Q8_0", "q8_0"), ("Q4_K_S", "q4_k")):
        alike, others = same(files[own], files[kind])
        print(f"  {own} and {kind}: {alike} matrices the same to the byte, {others} of other types")
        assert found[own] < WORSE * found[kind], (own, found[own], found[kind])
        assert alike > 0 and (others == 0 or kind != "Q8_0"), (alike, others)
    for path in files.values():
        path.unlink()


def main() -> None:
    program, work = sys.argv[1], Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    for model in map(Path, sys.argv[3:]):
        check(program, model, work)


if __name__ == "__main__":
    main()
