#!/usr/bin/env python3
"""Write the goldens of models of two towers with the reference implementation (Hugging Face transformers, PyTorch, float32 CPU):
CLIP, as its first versions were configured too, and SigLIP, each tiny and random.

Per model, in Tests/Goldens/pairs/NAME:

model/                 the model as a Hugging Face folder
batch.json             the token ids of each text, of SigLIP filled up
expected.safetensors   pixels [4, 3, 12, 12]; text.hidden.0 … as rows [T, C] of all tokens and vision.hidden.0 … of all patches,
                       before and behind each layer; text_embeds and image_embeds [4, D], normalised, logits_per_image [4, 4],
                       loss [1], grad.<parameter> of transformers' own loss for every parameter; of another size other.pixels
                       [4, 3, 20, 8], for which positions are interpolated, other.image_embeds, other.logits_per_image, and
                       other.positions, the gradient of the position embeddings of the sum of all logits

    HF_HUB_OFFLINE=1 python3 scripts/goldens/pairs_parity.py   # torch 2.13.0, transformers 5.24.0
"""

import json
import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, write_json
from safetensors.torch import load_file, save_file
from transformers import AutoModel, CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

FOLDER = os.path.join(GOLDENS, "pairs")
SEED = 20261130
TOWER = dict(num_hidden_layers=2, num_attention_heads=4)
TEXT = dict(**TOWER, hidden_size=24, intermediate_size=40, vocab_size=60)
VISION = dict(**TOWER, hidden_size=32, intermediate_size=36, image_size=12, patch_size=4)
LENGTHS = [7, 3, 10, 5]
END, FILL = 59, 58

MODELS = {
    "clip": lambda: CLIPModel(CLIPConfig(
        text_config=dict(**TEXT, max_position_embeddings=12, bos_token_id=57, eos_token_id=END, pad_token_id=FILL),
        vision_config=VISION, projection_dim=20)),
    # The row of the highest token, erf, and a configuration in two forms that contradict each other.
    "clip-earlier": lambda: CLIPModel(CLIPConfig(
        text_config=dict(**{**TEXT, "num_hidden_layers": 1}, max_position_embeddings=12, eos_token_id=2, hidden_act="gelu"),
        vision_config=dict(**{**VISION, "num_hidden_layers": 1}, hidden_act="gelu"), projection_dim=20)),
    "siglip": lambda: SiglipModel(SiglipConfig(
        text_config=dict(**TEXT, max_position_embeddings=12, pad_token_id=FILL, projection_size=32),
        vision_config=VISION)),
}


def fill(model, generator):
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if key.startswith("logit_"):
                parameter.fill_(1.25 if key == "logit_scale" else -2.5)
            elif "norm" in key and key.endswith("weight"):
                parameter.copy_(noise * 0.1 + 1.0)
            else:
                parameter.copy_(noise * 0.15)


def make_texts(name, generator):
    texts = []
    for length in LENGTHS:
        ids = torch.randint(3, FILL - 1, (length - 1,), generator=generator).tolist() + [END]
        texts.append(ids + [FILL] * (12 - length) if name == "siglip" else ids)
    return texts


def write_earlier(folder):
    """The configuration and the buffers that files of the first versions had: `*_config_dict` is what counts, with the defaults of
    its class."""
    path = os.path.join(folder, "config.json")
    with open(path) as file:
        config = json.load(file)
    for tower, other in [("text_config", {"hidden_size": 64}), ("vision_config", {"patch_size": 6})]:
        named = config[tower]
        keys = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "vocab_size",
                "max_position_embeddings", "eos_token_id", "image_size", "patch_size"]
        config[tower + "_dict"] = {key: named[key] for key in keys if key in named}
        config[tower] = {**named, **other}
    write_json(path, config)
    path = os.path.join(folder, "model.safetensors")
    tensors = load_file(path)
    tensors["text_model.embeddings.position_ids"] = torch.arange(12).unsqueeze(0)
    tensors["vision_model.embeddings.position_ids"] = torch.arange(10).unsqueeze(0)
    save_file(tensors, path, metadata={"format": "pt"})


def inputs(texts, pixels):
    longest = max(len(text) for text in texts)
    ids = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    given = {"input_ids": ids, "pixel_values": pixels}
    if any(len(text) < longest for text in texts):
        given["attention_mask"] = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in texts])
    return given


def observe(model, found):
    """Rows before and behind each layer."""
    for name in ["text", "vision"]:
        layers = getattr(model, name + "_model").encoder.layers
        layers[0].register_forward_pre_hook(
            lambda _, arguments, key=f"{name}.hidden.0": found.update({key: arguments[0].detach()}))
        for index, layer in enumerate(layers):
            layer.register_forward_hook(
                lambda _, __, output, key=f"{name}.hidden.{index + 1}": found.update({key: output.detach()}))


def packed(rows, texts):
    return torch.cat([rows[index, :len(text)] for index, text in enumerate(texts)]).contiguous().clone()


def make(name, model):
    folder = os.path.join(FOLDER, name)
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(SEED)
    fill(model, generator)
    saved = os.path.join(folder, "model")
    model.save_pretrained(saved)
    if name == "clip-earlier":
        write_earlier(saved)
    model = type(model).from_pretrained(saved, attn_implementation="eager", dtype=torch.float32)
    model.train()
    texts = make_texts(name, generator)
    write_json(os.path.join(folder, "batch.json"), {"texts": texts})
    pixels = torch.randn((len(texts), 3, 12, 12), generator=generator)
    other = torch.randn((len(texts), 3, 20, 8), generator=generator)
    hidden = {}
    observe(model, hidden)
    outputs = model(**inputs(texts, pixels), return_loss=True)
    outputs.loss.backward()
    tensors = {key: packed(rows, texts) if key.startswith("text") else rows.flatten(0, 1).clone()
               for key, rows in hidden.items()}
    tensors |= {"pixels": pixels, "loss": outputs.loss.detach().reshape(1)}
    for key in ["text_embeds", "image_embeds", "logits_per_image"]:
        tensors[key] = outputs[key].detach().contiguous().clone()
    for key, parameter in model.named_parameters():
        tensors[f"grad.{key}"] = parameter.grad.clone().contiguous()
    model.zero_grad()
    outputs = model(**inputs(texts, other), interpolate_pos_encoding=True)
    outputs.logits_per_image.sum().backward()
    tensors |= {
        "other.pixels": other, "other.image_embeds": outputs.image_embeds.detach().clone(),
        "other.logits_per_image": outputs.logits_per_image.detach().contiguous().clone(),
        "other.positions": model.vision_model.embeddings.position_embedding.weight.grad.clone()}
    save_file(tensors, os.path.join(folder, "expected.safetensors"))
    print(name, "loss", tensors["loss"].item(), "logits", tensors["logits_per_image"].abs().max().item(), "gradients",
          sum(key.startswith("grad.") for key in tensors), "of", len(list(model.parameters())))


def load(name):
    """The model of a golden, and what its batch gives it."""
    folder = os.path.join(FOLDER, name)
    model = AutoModel.from_pretrained(os.path.join(folder, "model"), attn_implementation="eager", dtype=torch.float32)
    with open(os.path.join(folder, "batch.json")) as file:
        texts = json.load(file)["texts"]
    pixels = load_file(os.path.join(folder, "expected.safetensors"))["pixels"]
    return model, inputs(texts, pixels)


def main():
    torch.set_num_threads(1)
    for name, build in MODELS.items():
        torch.manual_seed(SEED)
        make(name, build())


if __name__ == "__main__":
    main()
