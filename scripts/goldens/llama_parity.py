#!/usr/bin/env python3
"""Write the Llama goldens with the reference implementation (Hugging Face transformers, PEFT, PyTorch, float32 CPU).

In Tests/Goldens/llama, and for a second model (tied embeddings, heads wider than hidden / heads) in Tests/Goldens/llama/tied:

model/                        a tiny random LlamaForCausalLM as a Hugging Face folder, with a byte-level BPE tokenizer
batch.json                    five sequences (of the second model four), each run alone: no padding
expected.safetensors          hidden.0 (embeddings), hidden.1 ... hidden.N as output_hidden_states has them: as packed rows
                              [T, C], the last one AFTER the final norm; beforeNorm, that norm's input; logits [T, V]; loss [1],
                              the mean of -log p over all tokens that another one of their sequence precedes;
                              grad.<parameter> of it for every parameter of the model
adapter/                      LoRA of rank 4 on the seven matrices of every layer, random, as PEFT saves it (the first model)
adapter_expected.safetensors  its loss, lastLogits [5, V] of the last token of each sequence, grad.<module path>.lora_A [R, I] and
                              .lora_B [O, R]

    HF_HUB_OFFLINE=1 python3 scripts/goldens/llama_parity.py   # torch 2.13.0, transformers 5.24.0, peft 0.21.2
"""

import os
import random
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from bert_parity import GOLDENS, write_json
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

FOLDER = os.path.join(GOLDENS, "llama")
SEED = 20261129
START, END, PADDING = "<s>", "</s>", "<pad>"
# 256 bytes, three special tokens and a few merges
VOCABULARY = 272
LENGTHS = (1, 3, 9, 17, 30)
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
COMMON = dict(
    vocab_size=VOCABULARY, max_position_embeddings=64, rms_norm_eps=1e-5, rope_theta=10000.0, hidden_act="silu",
    bos_token_id=0, eos_token_id=1, pad_token_id=2, attention_bias=False, mlp_bias=False, attn_implementation="eager")
MODELS = {
    "": LlamaConfig(
        **COMMON, hidden_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, intermediate_size=40,
        tie_word_embeddings=False),
    "tied": LlamaConfig(
        **COMMON, hidden_size=18, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1, intermediate_size=28,
        head_dim=12, tie_word_embeddings=True),
}


def random_model(config):
    model = LlamaForCausalLM(config).float()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            # Large enough that neither the attention nor the gates are near uniform.
            parameter.copy_(1 + noise * 0.2 if "norm" in name else noise * 0.25)
    return model


def byte_level_bpe():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[START, END, PADDING], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(["the cat sat on the mat and the other cats then ran"], trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", pair=f"{START} $A {START}:1 $B:1", special_tokens=[(START, 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=START, eos_token=END, pad_token=PADDING, model_max_length=64)


def run(model, sequences, predicted):
    """What the sequences give one by one, end to end; the gradients are left in the model."""
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    seen = []
    handle = base.model.norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    hidden, logits, loss = [], [], 0
    for sequence in sequences:
        ids = torch.tensor([sequence["ids"]])
        # Shifted by transformers, and the sum over `predicted` of float32 logits, as its trainer has it.
        outputs = model(input_ids=ids, labels=ids, num_items_in_batch=predicted, output_hidden_states=True)
        hidden.append([states[0] for states in outputs.hidden_states])
        logits.append(outputs.logits[0])
        loss = loss + outputs.loss
    handle.remove()
    loss.backward()
    tensors = {f"hidden.{index}": torch.cat(states) for index, states in enumerate(zip(*hidden))}
    before = torch.cat([states[0] for states in seen])
    assert torch.equal(base.model.norm(before), tensors[f"hidden.{len(tensors) - 1}"])
    tensors |= {"beforeNorm": before, "logits": torch.cat(logits), "loss": loss[None]}
    return {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}


def gradients(model):
    result = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            short = name.replace("base_model.model.", "").replace(".default.weight", "")
            result[f"grad.{short}"] = parameter.grad.clone().contiguous()
    return result


def loaded(folder, dtype, adapter):
    model = LlamaForCausalLM.from_pretrained(
        os.path.join(folder, "model"), attn_implementation="eager", dtype=dtype)
    if adapter:
        model = PeftModel.from_pretrained(model, os.path.join(folder, "adapter"), is_trainable=True)
        model = model.to(dtype)
    return model.train()


def expected(folder, sequences, adapter=False):
    """The tensors, after saying how far float32 itself is from the exact values: the ground for the tests' tolerances."""
    predicted = sum(len(sequence["ids"]) - 1 for sequence in sequences)
    results = []
    for dtype in (torch.float32, torch.float64):
        model = loaded(folder, dtype, adapter)
        results.append(run(model, sequences, predicted) | gradients(model))
    single, exact = results
    worst = max(((single[name] - exact[name]).abs().max() / exact[name].abs().max()).item() for name in exact)
    print(folder, "adapter" if adapter else "base", "loss", single["loss"].item(), "tensors", len(single),
          "largest relative difference of float32 and float64", worst)
    return single


def save_adapter(folder):
    model = get_peft_model(loaded(folder, torch.float32, False), LoraConfig(
        task_type="CAUSAL_LM", r=4, lora_alpha=6, lora_dropout=0.0, target_modules=MODULES))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    # The path of this machine means nothing elsewhere.
    model.peft_config["default"].base_model_name_or_path = "model"
    model.save_pretrained(os.path.join(folder, "adapter"))
    os.remove(os.path.join(folder, "adapter", "README.md"))


def make(name, config, tokenizer):
    folder = os.path.join(FOLDER, name) if name else FOLDER
    model_folder = os.path.join(folder, "model")
    random_model(config).save_pretrained(model_folder)
    os.remove(os.path.join(model_folder, "generation_config.json"))
    tokenizer.save_pretrained(model_folder)
    generator = random.Random(SEED)
    lengths = LENGTHS[:4] if name else LENGTHS
    # Ids 0 to 2 are special; the padding id never gets a gradient from PyTorch.
    sequences = [{"ids": [generator.randrange(3, VOCABULARY) for _ in range(length)]} for length in lengths]
    write_json(os.path.join(folder, "batch.json"), {"sequences": sequences})
    tensors = expected(folder, sequences)
    save_file(tensors, os.path.join(folder, "expected.safetensors"))
    if name:
        return
    save_adapter(folder)
    tensors = expected(folder, sequences, adapter=True)
    kept = {key: value for key, value in tensors.items() if key == "loss" or key.startswith("grad.")}
    ends = torch.tensor([len(sequence["ids"]) for sequence in sequences]).cumsum(0) - 1
    kept["lastLogits"] = tensors["logits"][ends].contiguous()
    assert len(kept) == 2 + 2 * len(MODULES) * config.num_hidden_layers
    save_file(kept, os.path.join(folder, "adapter_expected.safetensors"))


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    shutil.rmtree(FOLDER, ignore_errors=True)
    tokenizer = byte_level_bpe()
    for name, config in MODELS.items():
        make(name, config, tokenizer)


if __name__ == "__main__":
    main()
