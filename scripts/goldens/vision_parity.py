#!/usr/bin/env python3
"""Write the goldens of models that read images with the reference implementation (Hugging Face transformers, PyTorch, float32
CPU): ViT, DeiT, DINOv2, plain, gated and with registers, each a tiny random image classifier.

Per model, in Tests/Goldens/vision/NAME:

model/                 the model as a Hugging Face folder, by the names that transformers' files have
renamed/               (vit) the same weights by the names of its classes
batch.json             the label of each image
expected.safetensors   pixels [4, 3, 12, 12] and other.pixels [2, 3, 20, 8], for which positions are interpolated; hidden.0 … as
                       rows [T, 16], last [T, 16] after the final norm, logits [4, 3], grad.<parameter> of the mean cross-entropy
                       for every parameter that has one; of the other size other.last, other.logits and other.positions, the
                       gradient of the position embeddings of the sum of all logits

    HF_HUB_OFFLINE=1 python3 scripts/goldens/vision_parity.py   # torch 2.13.0, transformers 5.24.0
"""

import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, write_json
from safetensors.torch import save_file
from transformers import (
    DeiTConfig, DeiTForImageClassification, Dinov2Config, Dinov2ForImageClassification, Dinov2WithRegistersConfig,
    Dinov2WithRegistersForImageClassification, ViTConfig, ViTForImageClassification,
)

FOLDER = os.path.join(GOLDENS, "vision")
IMAGES, LABELS, SEED = 4, 3, 20261130
COMMON = dict(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=12, patch_size=4, num_labels=LABELS,
    attn_implementation="eager")

MODELS = {
    "vit": lambda: ViTForImageClassification(ViTConfig(**COMMON, intermediate_size=24)),
    # Another activation, no biases of queries, keys and values.
    "vit-plain": lambda: ViTForImageClassification(ViTConfig(
        **COMMON, intermediate_size=24, qkv_bias=False, hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6)),
    "deit": lambda: DeiTForImageClassification(DeiTConfig(**COMMON, intermediate_size=24)),
    "dinov2": lambda: Dinov2ForImageClassification(Dinov2Config(**COMMON, mlp_ratio=2)),
    "dinov2-gated": lambda: Dinov2ForImageClassification(Dinov2Config(
        **{**COMMON, "num_hidden_layers": 1}, mlp_ratio=2, use_swiglu_ffn=True, use_mask_token=False)),
    "dinov2-registers": lambda: Dinov2WithRegistersForImageClassification(Dinov2WithRegistersConfig(
        **{**COMMON, "num_hidden_layers": 1}, mlp_ratio=2, num_register_tokens=2)),
}


def fill(model, generator):
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_factor = ("norm" in key and key.endswith("weight")) or "lambda1" in key
            parameter.copy_(noise * 0.1 + 1.0 if is_factor else noise * 0.15)


def read(model, pixels, **more):
    """Positions of another size are interpolated by DINOv2 always, by the others when asked."""
    asks = {} if "Dinov2" in type(model).__name__ else {"interpolate_pos_encoding": True}
    return model(pixel_values=pixels, **(asks if pixels.shape[-1] != COMMON["image_size"] else {}), **more)


def rows(hidden):
    return hidden.detach().flatten(0, 1).contiguous().clone()


def make(name, model):
    folder = os.path.join(FOLDER, name)
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(SEED)
    fill(model, generator)
    model.save_pretrained(os.path.join(folder, "model"))
    if name == "vit":
        model.save_pretrained(os.path.join(folder, "renamed"), save_original_format=False)
    model = type(model).from_pretrained(
        os.path.join(folder, "model"), attn_implementation="eager", dtype=torch.float32)
    model.train()
    pixels = torch.randn((IMAGES, 3, 12, 12), generator=generator)
    labels = torch.randint(LABELS, (IMAGES,), generator=generator)
    write_json(os.path.join(folder, "batch.json"), {"labels": labels.tolist()})
    last = {}
    backbone = getattr(model, model.base_model_prefix)
    backbone.register_forward_hook(lambda _, __, output: last.update(rows=rows(output.last_hidden_state)))
    outputs = read(model, pixels, labels=labels, output_hidden_states=True)
    outputs.loss.backward()
    tensors = {f"hidden.{index}": rows(hidden) for index, hidden in enumerate(outputs.hidden_states)}
    tensors |= {"pixels": pixels, "last": last["rows"], "logits": outputs.logits.detach().clone()}
    for key, parameter in model.named_parameters():
        # A row for hidden patches is in the file, and not read.
        if parameter.grad is not None:
            tensors[f"grad.{key}"] = parameter.grad.clone().contiguous()
    model.zero_grad()
    other = torch.randn((2, 3, 20, 8), generator=generator)
    outputs = read(model, other)
    outputs.logits.sum().backward()
    tensors |= {
        "other.pixels": other, "other.last": last["rows"], "other.logits": outputs.logits.detach().clone(),
        "other.positions": backbone.embeddings.position_embeddings.grad.clone().contiguous()}
    save_file(tensors, os.path.join(folder, "expected.safetensors"))
    print(name, "hidden", sum(key.startswith("hidden.") for key in tensors), "gradients",
          sum(key.startswith("grad.") for key in tensors), "logits", tensors["logits"].abs().max().item())


def main():
    torch.set_num_threads(1)
    for name, build in MODELS.items():
        torch.manual_seed(SEED)
        make(name, build())


if __name__ == "__main__":
    main()
