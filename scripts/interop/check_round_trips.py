"""Adapters that peft made, trained on here and opened by peft again; merged and extracted ones beside peft's own.

usage: check_round_trips.py ADALORA BASE ROWS WORK

WORK has the folders that check_imports.py left.
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from check import TOLERANCE, ours, theirs
from check_imports import COMMON, LABELS
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# Two SVDs in Float32, as the Frobenius norm of the difference over that of the update.
UPDATE_TOLERANCE = 1e-5
WEIGHTS, DENSITY = [0.75, -0.5], 0.3


def run(*arguments: str) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: {' '.join(arguments)}\n{done.stderr}")
    return done.stdout


def as_labels(answers: list[dict[str, float]], labels: list[str]) -> torch.Tensor:
    return torch.tensor([[row[label] for label in labels] for row in answers], dtype=torch.double)


def same_answers(name: str, adalora: str, folder: Path, rows: Path, texts: list[str]) -> bool:
    """Whether peft gives a folder of ours the answers that we give it."""
    labels = json.loads((folder / "adalora.json").read_text())["labels"]
    mine = as_labels(ours(adalora, folder, rows), labels)
    difference = (theirs(folder, texts, labels) - mine).abs().max().item()
    print(f"{name:34} probabilities differ by at most {difference:.1e} over {len(texts)} rows")
    return difference <= TOLERANCE


def train_on(adalora: str, base: str, rows: Path, work: Path, texts: list[str]) -> bool:
    """peft writes, we go on for a few steps, peft opens what we wrote."""
    data = work / "labelled.jsonl"
    data.write_text("".join(
        json.dumps({"text": text, "label": LABELS[index % 4]}) + "\n" for index, text in enumerate(texts)))
    passed = True
    for name in ["lora-patterns", "rslora", "adalora"]:
        for method in [["--budget", "60"], ["--method", "lora"]]:
            output = work / f"{name}-on-{method[-1]}"
            run(adalora, "train", "--model", base, "--train", str(data), "--from-adapter", str(work / name), *method,
                "--targets", "query,key,value,intermediate", "--steps", "6", "--batch-size", "8", "--output", str(output))
            passed &= same_answers(f"{name}, {method[-1]}, trained on", adalora, output / "adapter", rows, texts)
    return passed


def updates_of(folder: Path) -> dict[str, torch.Tensor]:
    """ΔW = s·B(A ⊙ E) by module, of an AdaLoRA folder."""
    tensors = load_file(folder / "adapter_model.safetensors")
    config = json.loads((folder / "adapter_config.json").read_text())
    scale = config["lora_alpha"] / (config["init_r"] + 1e-5)
    paths = [name.removesuffix(".lora_A") for name in tensors if name.endswith(".lora_A")]
    return {path.removeprefix("base_model.model."):
            scale * tensors[f"{path}.lora_B"] @ (tensors[f"{path}.lora_A"] * tensors[f"{path}.lora_E"]) for path in paths}


def merge(adalora: str, base: str, rows: Path, work: Path, texts: list[str]) -> bool:
    """add_weighted_adapter at full rank against ours with all of the energy."""
    # Without a task type, because peft merges no adapters that have a head; the head then is the base's.
    headed = work / "headed"
    torch.manual_seed(3)
    AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(LABELS)).save_pretrained(headed)
    AutoTokenizer.from_pretrained(base).save_pretrained(headed)
    common = {"init_lora_weights": False, "target_modules": COMMON["target_modules"]}
    model = get_peft_model(AutoModelForSequenceClassification.from_pretrained(headed),
                           LoraConfig(r=4, lora_alpha=6, **common), adapter_name="first")
    model.add_adapter("second", LoraConfig(r=3, lora_alpha=1, use_rslora=True, rank_pattern={"value": 2}, **common))
    model.save_pretrained(work / "merge")
    passed = True
    for kind, options in [("svd", ["--method", "sum"]), ("ties_svd", ["--method", "ties", "--density", str(DENSITY)])]:
        density = {"density": DENSITY} if kind != "svd" else {}
        model.add_weighted_adapter(["first", "second"], WEIGHTS, kind, combination_type=kind, svd_rank=384,
                                   svd_full_matrices=False, **density)
        output = work / f"merged-{kind}"
        run(adalora, "merge-adapters", str(work / "merge/first"), str(work / "merge/second"), "--model", str(headed),
            "--weights", ",".join(map(str, WEIGHTS)), "--head", str(work / "merge/first"), "--energy", "1", *options,
            "--output", str(output))
        mine = updates_of(output)
        worst = 0.0
        for path, module in model.named_modules():
            if hasattr(module, "get_delta_weight") and kind in module.lora_A:
                expected = module.get_delta_weight(kind).detach()
                found = mine.pop(path.removeprefix("base_model.model."))
                worst = max(worst, ((found - expected).norm() / expected.norm()).item())
        print(f"{'merged by ' + kind:34} updates differ by at most {worst:.1e} of their norm")
        passed &= worst <= UPDATE_TOLERANCE and not mine
        passed &= same_answers(f"merged by {kind}", adalora, output, rows, texts)
    return passed


def extract(adalora: str, base: str, rows: Path, work: Path, texts: list[str]) -> bool:
    """Of a model that transformers saved with an adapter merged in, all comes back."""
    torch.manual_seed(4)
    tuned = work / "tuned"
    model = get_peft_model(AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(LABELS)),
                           LoraConfig(r=4, lora_alpha=8, init_lora_weights=False, **COMMON))
    model.merge_and_unload().save_pretrained(tuned)
    AutoTokenizer.from_pretrained(base).save_pretrained(tuned)
    output = work / "extracted"
    run(adalora, "extract", "--base", base, "--tuned", str(tuned), "--budget", str(4 * 24), "--labels", ",".join(LABELS),
        "--output", str(output))
    difference = (theirs(tuned, texts, LABELS) - as_labels(ours(adalora, output, rows), LABELS)).abs().max().item()
    print(f"{'extracted, against the tuned':34} probabilities differ by at most {difference:.1e} over {len(texts)} rows")
    return difference <= TOLERANCE and same_answers("extracted", adalora, output, rows, texts)


def main() -> None:
    adalora, base, rows, work = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    texts = [json.loads(line)["text"] for line in rows.read_text().splitlines()]
    passed = [step(adalora, base, rows, work, texts) for step in (train_on, merge, extract)]
    if not all(passed):
        raise SystemExit(f"error: more than {TOLERANCE} apart, or updates more than {UPDATE_TOLERANCE}")


main()
