#!/usr/bin/env python3
"""Write PEFT's prefix and prompt tuning on tiny models, and a prefix on an encoder by the paper's formula (float32 CPU).

Base models: Tests/Goldens/llama/model, gpt2/model, decoders/NAME/model, bert/model, encoders/roberta/model (run llama_parity.py,
layer_norm_decoders.py, decoders_parity.py, bert_parity.py and encoders_parity.py first). Each folder of Tests/Goldens/virtual-tokens is
MODEL-prefix or MODEL-prompt:

adapter/              three virtual tokens, random, as PEFT saves them
batch.json            the sequences, each run alone: no padding
expected.safetensors  of language models: loss [1], the mean of -log p over all tokens that another one of their sequence precedes,
                      lastLogits [B, V]; of classifiers: loss [1], the mean cross-entropy, logits [B, K], grad.<the head's weight>;
                      of all: grad.prompt_embeddings [3, ...], losses [20] of AdamW steps on the batch, final.prompt_embeddings;
                      textStart: (llama-prefix) what PEFT's initialize_kv_prefix_from_past_key_values makes of a text's cache
generated.json        (llama, gpt2) eight tokens after the second sequence, each the likeliest by a forward pass over all of them.
                      PEFT's generate() with this transformers writes others, or fails: not what its forward pass says

PEFT makes a prefix for BERT and fails when it runs (transformers' BERT takes no cache), so that bert-prefix is a plain PyTorch
program: keys and values of each layer are [prefix; own] (Li and Liang 2021, equation 7), positions as without. Its tensors have PEFT's
names and shapes.

    HF_HUB_OFFLINE=1 python3 scripts/goldens/virtual_tokens.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import json
import os
import random
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, write_json
from peft import PeftModel, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from peft import initialize_kv_prefix_from_past_key_values
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

FOLDER = os.path.join(GOLDENS, "virtual-tokens")
SEED, COUNT, STEPS, CLASSES = 20261201, 3, 20, 4
RATE, DECAY, CLIP = 5e-3, 0.01, 1.0
CONFIGS = {"prefix": PrefixTuningConfig, "prompt": PromptTuningConfig}
SPEAKING = ["llama", "gpt2", "decoders/qwen3", "decoders/gemma3", "decoders/granite"]
CLASSIFIERS = [("llama", "prefix"), ("gpt2", "prompt"), ("bert", "prompt"), ("encoders/roberta", "prompt")]


def sequences_of(model, classes):
    generator = random.Random(SEED)
    # Ids 0 to 2 are special in most of these vocabularies; the smallest of them has 40 words.
    return [{"ids": [generator.randrange(3, 40) for _ in range(length)], "label": generator.randrange(classes)}
            for length in (1, 4, 9, 17)]


def base(model, dtype, classes=None):
    folder = os.path.join(GOLDENS, model, "model")
    kind = AutoModelForSequenceClassification if classes else AutoModelForCausalLM
    more = {"num_labels": classes, "ignore_mismatched_sizes": True} if classes else {}
    return kind.from_pretrained(folder, attn_implementation="eager", dtype=dtype, **more)


def save(model, folder, base_model):
    model.peft_config["default"].base_model_name_or_path = base_model
    model.save_pretrained(folder)
    readme = os.path.join(folder, "README.md")
    if os.path.exists(readme):
        os.remove(readme)


def randomize(model):
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.5 if "prompt_" in name else 0.2))


def trainable(model):
    result = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            short = "prompt_embeddings" if "prompt_encoder" in name else name.replace(
                "base_model.", "").replace("modules_to_save.default.", "")
            result[short] = parameter
    return result


def run(model, sequences, classes):
    """The loss, and for each sequence its last logits, or those of its class."""
    logits, loss = [], 0
    predicted = sum(len(sequence["ids"]) - 1 for sequence in sequences)
    for sequence in sequences:
        ids = torch.tensor([sequence["ids"]])
        if classes and getattr(model, "peft_type", None) == "PREFIX_TUNING":
            # What PEFT means to call: it looks for an argument that transformers 5.24 gave another name.
            outputs = model.base_model(input_ids=ids, attention_mask=torch.ones(1, COUNT + ids.shape[1]),
                                       past_key_values=model.get_prompt(1))
        else:
            outputs = model(input_ids=ids, attention_mask=torch.ones_like(ids))
        if classes:
            logits.append(outputs.logits[0])
            loss = loss + cross_entropy(outputs.logits, torch.tensor([sequence["label"]])) / len(sequences)
        else:
            own = outputs.logits[0, -len(sequence["ids"]):]
            logits.append(own[-1])
            loss = loss + cross_entropy(own[:-1], ids[0, 1:], reduction="sum") / predicted
    return loss, torch.stack(logits)


def measured(model, sequences, classes):
    model.train()
    parameters = trainable(model)
    loss, logits = run(model, sequences, classes)
    loss.backward()
    tensors = {"loss": loss[None], "logits" if classes else "lastLogits": logits}
    for name, parameter in parameters.items():
        if name == "prompt_embeddings" or name.endswith("weight"):
            tensors[f"grad.{name}"] = parameter.grad
    return {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}


def steps(model, sequences, classes):
    parameters = trainable(model)
    optimizer = torch.optim.AdamW(parameters.values(), lr=RATE, weight_decay=DECAY, eps=1e-8)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss, _ = run(model, sequences, classes)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP)
        optimizer.step()
        losses.append(loss.item())
    return {"losses": torch.tensor(losses),
            "final.prompt_embeddings": parameters["prompt_embeddings"].detach().clone().contiguous()}


def record(folder, made, sequences, classes):
    """`made` gives the model anew, in a dtype."""
    results = [measured(made(dtype), sequences, classes) for dtype in (torch.float32, torch.float64)]
    single, exact = results
    worst = max(((single[name] - exact[name]).abs().max() / exact[name].abs().max()).item() for name in exact)
    taken = steps(made(torch.float32), sequences, classes)
    exactly = steps(made(torch.float64), sequences, classes)
    print(folder, "loss", single["loss"].item(), "to", taken["losses"][-1].item(), "largest relative difference of float32 and float64",
          worst, "after steps", (taken["final.prompt_embeddings"] - exactly["final.prompt_embeddings"]).abs().max().item())
    return single | taken


def by_peft(model, kind, classes=None):
    folder = os.path.join(FOLDER, f"{os.path.basename(model)}-{kind}" + ("-classes" if classes and model in SPEAKING else ""))
    sequences = sequences_of(model, classes or 1)
    task = "SEQ_CLS" if classes else "CAUSAL_LM"

    def made(dtype):
        # PEFT opens a saved folder of this kind for inference only.
        model_with = get_peft_model(base(model, dtype, classes), CONFIGS[kind](task_type=task, num_virtual_tokens=COUNT))
        randomize(model_with)
        return model_with.to(dtype).train()

    adapter = os.path.join(folder, "adapter")
    fresh = made(torch.float32)
    save(fresh, adapter, os.path.relpath(os.path.join(GOLDENS, model, "model"), folder))
    write_json(os.path.join(folder, "batch.json"), {"sequences": sequences})
    tensors = record(folder, made, sequences, classes)
    if model == "llama" and kind == "prefix" and not classes:
        plain = base(model, torch.float32)
        cache = plain(input_ids=torch.tensor([sequences[3]["ids"][:COUNT]]), use_cache=True).past_key_values
        tensors["textStart"] = initialize_kv_prefix_from_past_key_values(
            fresh, past_key_values=cache, num_virtual_tokens=COUNT).detach().contiguous().clone()
    save_file(tensors, os.path.join(folder, "expected.safetensors"))
    again = PeftModel.from_pretrained(base(model, torch.float32, classes), adapter).eval()
    key = "logits" if classes else "lastLogits"
    print("reloaded differs by", (run(again, sequences, classes)[1] - tensors[key]).abs().max().item())
    if model in ("llama", "gpt2") and not classes:
        ids = torch.tensor([sequences[1]["ids"]])
        written = ids
        with torch.no_grad():
            for _ in range(8):
                logits = again(input_ids=written, attention_mask=torch.ones_like(written)).logits
                written = torch.cat([written, logits[:, -1:].argmax(-1)], dim=1)
        write_json(os.path.join(folder, "generated.json"), {"ids": written[0, -8:].tolist()})
        try:
            theirs = again.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False,
                                    eos_token_id=None, pad_token_id=0)
            print("generate() writes the same:", torch.equal(theirs, written))
        except IndexError as error:
            print("generate() fails:", error)


class PrefixedBert(torch.nn.Module):
    """A BERT classifier whose layers see rows of a prefix before their own keys and values."""

    def __init__(self, model, prefix, head):
        super().__init__()
        self.model = model.requires_grad_(False)
        self.prompt_encoder = torch.nn.Parameter(prefix)
        self.classifier_weight = torch.nn.Parameter(head["weight"])
        self.classifier_bias = torch.nn.Parameter(head["bias"])

    def forward(self, input_ids, attention_mask):
        bert = self.model.bert
        hidden = bert.embeddings(input_ids=input_ids, token_type_ids=torch.zeros_like(input_ids))
        width = hidden.shape[-1]
        for index, layer in enumerate(bert.encoder.layer):
            own, heads = layer.attention.self, self.model.config.num_attention_heads
            rows = self.prompt_encoder[:, 2 * index * width:2 * (index + 1) * width]

            def split(x):
                return x.view(x.shape[0], heads, width // heads).transpose(0, 1)

            query = split(own.query(hidden[0]))
            key = split(torch.cat([rows[:, :width], own.key(hidden[0])]))
            value = split(torch.cat([rows[:, width:], own.value(hidden[0])]))
            weights = (query @ key.transpose(1, 2) / (width // heads) ** 0.5).softmax(-1)
            context = (weights @ value).transpose(0, 1).reshape(1, -1, width)
            attended = layer.attention.output(context, hidden)
            hidden = layer.output(layer.intermediate(attended), attended)
        logits = torch.nn.functional.linear(bert.pooler(hidden), self.classifier_weight, self.classifier_bias)
        return type("Outputs", (), {"logits": logits})


def by_formula():
    folder = os.path.join(FOLDER, "bert-prefix")
    os.makedirs(os.path.join(folder, "adapter"))
    sequences = sequences_of("bert", CLASSES)
    with open(os.path.join(GOLDENS, "bert", "model", "config.json")) as file:
        config = json.load(file)
    generator = torch.Generator().manual_seed(SEED)
    layers, width = config["num_hidden_layers"], config["hidden_size"]
    prefix = torch.randn(COUNT, layers * 2 * width, generator=generator) * 0.5
    head = {"weight": torch.randn(CLASSES, width, generator=generator) * 0.2, "bias": torch.randn(CLASSES, generator=generator) * 0.2}
    save_file({"prompt_embeddings": prefix, "base_model.classifier.weight": head["weight"],
               "base_model.classifier.bias": head["bias"]}, os.path.join(folder, "adapter", "adapter_model.safetensors"))
    write_json(os.path.join(folder, "adapter", "adapter_config.json"), {
        "peft_type": "PREFIX_TUNING", "task_type": "SEQ_CLS", "base_model_name_or_path": "../../bert/model",
        "num_virtual_tokens": COUNT, "token_dim": width, "num_layers": layers, "num_attention_heads": config["num_attention_heads"],
        "num_transformer_submodules": 1, "prefix_projection": False, "encoder_hidden_size": width, "inference_mode": True})
    write_json(os.path.join(folder, "batch.json"), {"sequences": sequences})

    def made(dtype):
        return PrefixedBert(base("bert", dtype, CLASSES), prefix.to(dtype).clone(),
                            {name: values.to(dtype).clone() for name, values in head.items()}).train()

    tensors = record(folder, made, sequences, CLASSES)
    tensors["grad.classifier.weight"] = tensors.pop("grad.classifier_weight")
    save_file(tensors, os.path.join(folder, "expected.safetensors"))
    plain = base("bert", torch.float32, CLASSES)
    with torch.no_grad():
        ids = torch.tensor([sequences[2]["ids"]])
        empty = PrefixedBert(plain, torch.zeros(0, layers * 2 * width), {
            "weight": plain.classifier.weight.clone(), "bias": plain.classifier.bias.clone()})
        print("without rows it differs from transformers' by",
              (empty(ids, None).logits - plain(input_ids=ids).logits).abs().max().item())


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    for model in SPEAKING:
        for kind in CONFIGS:
            by_peft(model, kind)
    for model, kind in CLASSIFIERS:
        by_peft(model, kind, CLASSES)
    by_formula()


if __name__ == "__main__":
    main()
