"""Makes adapters with the real peft, has `adalora import` take them over, and compares the answers.

usage: check_imports.py ADALORA BASE ROWS WORK

LoRA with patterns of ranks and alphas, LoRA scaled by the root of its rank, and AdaLoRA after some steps of allocation;
LoRA that changes the pooler, norms, embeddings and biases too, which goes out again by `adalora export` and back to peft.
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from check import TOLERANCE, ours
from peft import AdaLoraConfig, LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer

LABELS = ["first", "second", "third", "fourth"]
ROLES = ["query", "key", "value", "intermediate.dense"]
COMMON = {"task_type": "SEQ_CLS", "target_modules": ROLES}


def adapters() -> dict[str, LoraConfig | AdaLoraConfig]:
    random = {"init_lora_weights": False, **COMMON}
    return {
        "lora-patterns": LoraConfig(r=4, lora_alpha=6, rank_pattern={"value": 2, "layer.1.attention.self.key": 7},
                                    alpha_pattern={"query": 3, "layer.1.attention.self.key": 9}, **random),
        "rslora": LoraConfig(r=4, lora_alpha=2, use_rslora=True, **random),
        "lora-expressions": LoraConfig(r=4, lora_alpha=6, rank_pattern={r"^bert.*\.layer\.0\..*query": 2},
                                       alpha_pattern={r".*\.layer\.[01]\..*\.value": 9}, **random),
        "all-linear": LoraConfig(task_type="SEQ_CLS", r=3, lora_alpha=4, target_modules="all-linear",
                                 init_lora_weights=False),
        "saved-modules": LoraConfig(r=4, lora_alpha=2, modules_to_save=["pooler", "LayerNorm", "token_type_embeddings"],
                                    **random),
        "biases": LoraConfig(r=4, lora_alpha=2, bias="all", **random),
        "own-biases": LoraConfig(r=4, lora_alpha=2, bias="lora_only", lora_bias=True, **random),
        "adalora": AdaLoraConfig(init_r=4, target_r=2, lora_alpha=4, tinit=1, tfinal=2, deltaT=1, total_step=8, **COMMON),
    }


WHOLE = {"all-linear", "saved-modules", "biases", "own-biases"}


def disturb(model: torch.nn.Module) -> None:
    """What trains besides A and B starts as the base's: biases, saved modules."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "lora_A" not in name:
                parameter.add_(torch.randn_like(parameter) * 0.05)


def probabilities(model: torch.nn.Module, tokenizer, texts: list[str]) -> torch.Tensor:
    with torch.no_grad():
        return torch.stack([
            model(**tokenizer(text, truncation=True, max_length=128, return_tensors="pt")).logits[0].double().softmax(-1)
            for text in texts])


def train(model: torch.nn.Module, tokenizer, texts: list[str]) -> None:
    """Steps of AdaLoRA, so that λ are not zero and ranks differ."""
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=3e-2)
    batch = tokenizer(texts[:8], padding=True, return_tensors="pt")
    for step in range(8):
        model(**batch, labels=torch.arange(8) % len(LABELS)).loss.backward()
        optimizer.step()
        model.base_model.update_and_allocate(step)
        optimizer.zero_grad()


def main() -> None:
    adalora, base, rows, work = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    texts = [json.loads(line)["text"] for line in rows.read_text().splitlines()]
    tokenizer = AutoTokenizer.from_pretrained(base)
    failed = False
    for name, config in adapters().items():
        torch.manual_seed(11)
        model = get_peft_model(
            AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(LABELS)), config)
        if name == "adalora":
            train(model, tokenizer, texts)
        elif name in WHOLE:
            disturb(model)
        model.save_pretrained(work / name)
        reloaded = PeftModel.from_pretrained(
            AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(LABELS)), work / name).eval()
        theirs = probabilities(reloaded, tokenizer, texts)
        for form in ([], ["--svd"]) if name != "adalora" else ([],):
            output = work / f"{name}-imported{''.join(form)}"
            subprocess.run([adalora, "import", str(work / name), "--model", base, "--labels", ",".join(LABELS),
                            "--output", str(output), *form], check=True, capture_output=True)
            answers = ours(adalora, output, rows)
            mine = torch.tensor([[row[label] for label in LABELS] for row in answers], dtype=torch.double)
            difference = (theirs - mine).abs().max().item()
            failed |= difference > TOLERANCE
            print(f"{output.name:30} probabilities differ by at most {difference:.1e} over {len(texts)} rows")
        if name not in WHOLE:
            continue
        exported = work / f"{name}-exported"
        subprocess.run([adalora, "export", str(work / f"{name}-imported"), "--to", "lora", "--output", str(exported)],
                       check=True, capture_output=True)
        again = PeftModel.from_pretrained(
            AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(LABELS)), exported).eval()
        difference = (theirs - probabilities(again, tokenizer, texts)).abs().max().item()
        failed |= difference > TOLERANCE
        print(f"{exported.name:30} probabilities of peft differ by at most {difference:.1e} over {len(texts)} rows")
    if failed:
        raise SystemExit(f"error: more than {TOLERANCE} apart")


if __name__ == "__main__":
    main()
