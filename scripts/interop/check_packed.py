"""Has transformers with bitsandbytes open folders that adalora packed to NF4: each matrix unpacks to the values that adalora
computes with, and the model gives the hidden states of these.

usage: check_packed.py ADALORA WORK MODEL…

Needs the package bitsandbytes, and says so where it is missing. What adalora computes with is told by the model as a GGUF in
Float32; rows of queries and keys of a Llama stand in another order there, and are left out.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import AutoModel

# Sums in other orders.
TOLERANCE = 1e-5


def adalora(program: str, *arguments) -> str:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def stored(kind: str) -> dict[str, str]:
    """llama.cpp's names of the modules of a layer."""
    if kind == "bert":
        return {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
                "attention.output.dense": "attn_output", "intermediate.dense": "ffn_up", "output.dense": "ffn_down"}
    return {"self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
            "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def check(program: str, model: Path, work: Path) -> None:
    from bitsandbytes.functional import dequantize_4bit

    packed, whole = work / f"{model.name}-nf4", work / f"{model.name}-nf4.gguf"
    adalora(program, "pack", model, "--base-format", "nf4", "--output", packed)
    adalora(program, "export", packed, "--to", "gguf", "--merged-type", "f32", "--output", whole)
    own = {tensor.name: tensor.data for tensor in gguf.GGUFReader(whole).tensors}
    opened, info = AutoModel.from_pretrained(packed, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"] - {"pooler.dense.weight", "pooler.dense.bias"}, info
    names = stored(opened.config.model_type)
    plain = AutoModel.from_pretrained(model, dtype=torch.float32)
    count = 0
    with torch.no_grad():
        for path, module in opened.named_modules():
            if type(module).__name__ != "Linear4bit":
                continue
            # Products of bf16, where the CPU has them, tell nothing of the weights.
            module.support_avx512bf16_for_cpu = False
            values = dequantize_4bit(module.weight.data, module.weight.quant_state).float()
            plain.get_submodule(path).weight.copy_(values)
            layer = next((part for part in path.split(".") if part.isdigit()), None)
            name = names.get(path.split(f".{layer}.", 1)[-1])
            if layer is None or name is None:
                continue
            assert np.array_equal(values.numpy(), own[f"blk.{layer}.{name}.weight"]), path
            count += 1
        assert count >= 5, count
        ids = torch.tensor([np.random.default_rng(3).integers(5, 60, 20).tolist()])
        found, wanted = (some.eval()(input_ids=ids).last_hidden_state for some in (opened, plain))
    apart = float((found - wanted).abs().max() / wanted.abs().max())
    assert apart < TOLERANCE, apart
    print(f"  {model.name}: transformers opens what was packed to NF4; {count} matrices unpack to the same bits, hidden states "
          f"differ by {apart:.1e}")


def main() -> None:
    program, work = sys.argv[1], Path(sys.argv[2])
    if importlib.util.find_spec("bitsandbytes") is None:
        print("  not checked: bitsandbytes is not installed (pip install bitsandbytes==0.50.2)")
        return
    work.mkdir(parents=True, exist_ok=True)
    for model in map(Path, sys.argv[3:]):
        check(program, model, work)


if __name__ == "__main__":
    main()
