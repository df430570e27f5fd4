"""Makes adapters with the real peft, has `adalora import` take them over, and compares the answers.

usage: check_imports.py ADALORA BASE ROWS WORK

LoRA with patterns of ranks and alphas, LoRA scaled by the root of its rank, and AdaLoRA after some steps of allocation.
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
        "adalora": AdaLoraConfig(init_r=4, target_r=2, lora_alpha=4, tinit=1, tfinal=2, deltaT=1, total_step=8, **COMMON),
    }


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
        model.save_pretrained(work / name)
        reloaded = PeftModel.from_pretrained(
            AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(LABELS)), work / name).eval()
        with torch.no_grad():
            theirs = torch.stack([
                reloaded(**tokenizer(text, truncation=True, max_length=128, return_tensors="pt")).logits[0].double()
                .softmax(-1) for text in texts])
        for form in ([], ["--svd"]) if name != "adalora" else ([],):
            output = work / f"{name}-imported{''.join(form)}"
            subprocess.run([adalora, "import", str(work / name), "--model", base, "--labels", ",".join(LABELS),
                            "--output", str(output), *form], check=True, capture_output=True)
            answers = ours(adalora, output, rows)
            mine = torch.tensor([[row[label] for label in LABELS] for row in answers], dtype=torch.double)
            difference = (theirs - mine).abs().max().item()
            failed |= difference > TOLERANCE
            print(f"{output.name:30} probabilities differ by at most {difference:.1e} over {len(texts)} rows")
    if failed:
        raise SystemExit(f"error: more than {TOLERANCE} apart")


if __name__ == "__main__":
    main()
