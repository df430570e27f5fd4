"""Trains the tiny Llamas of the tests on the texts of ROWS, exports them in every form, and has the real transformers and
peft compute the loss of the next token; the same for an adapter that peft made.

usage: check_language_models.py ADALORA ROWS WORK
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

LLAMAS = Path(__file__).resolve().parents[2] / "Tests/Goldens/llama"
# A mean over some thousand tokens in Float32, summed in another order.
TOLERANCE = 1e-5
LENGTH = 60


def adalora(program: str, *arguments) -> str:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def opened(folder: Path) -> tuple[torch.nn.Module, object]:
    config = folder / "adapter_config.json"
    if not config.exists():
        model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
        odd = {key: names for key, names in info.items() if names}
        assert not odd and model.dtype == torch.float32, (odd, model.dtype)
        return model.eval(), AutoTokenizer.from_pretrained(folder)
    base = json.loads(config.read_text())["base_model_name_or_path"]
    # The golden's names its base by its folder alone.
    base = base if Path(base).exists() else LLAMAS / base
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)
    return model.eval(), AutoTokenizer.from_pretrained(base)


def loss(folder: Path, texts: list[str]) -> float:
    """Of a token, over all that follow another; without `labels`, which peft's AdaLoRA takes in training alone."""
    model, tokenizer = opened(folder)
    total, count = 0.0, 0
    for text in texts:
        # A text ends with the token for the end.
        ids = torch.tensor([(tokenizer(text).input_ids + [tokenizer.eos_token_id])[:LENGTH]])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, :-1]
        total += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
        count += ids.shape[1] - 1
    return total / count


def check(program: str, name: str, folder: Path, rows: Path, texts: list[str], expected: float | None = None) -> float:
    ours = json.loads(adalora(program, "evaluate", folder, "--data", rows, "--json"))["loss"] if expected is None else expected
    theirs = loss(folder, texts)
    assert abs(ours - theirs) < TOLERANCE * theirs, (name, ours, theirs)
    print(f"  {name}: loss {theirs:.6f}, apart by {abs(ours - theirs):.1e}")
    return ours


def main() -> None:
    program, rows, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    texts = [json.loads(line)["text"] for line in rows.read_text().splitlines()]
    for name in ["model", "tied/model"]:
        run = work / f"runs/llama-{name.split('/')[0]}"
        adalora(program, "train", "--model", LLAMAS / name, "--task", "causal-lm", "--train", rows, "--average-rank", 1,
                "--steps", 30, "--learning-rate", 1e-2, "--max-length", LENGTH, "--output", run)
        ours = check(program, f"{run.name}, as saved", run / "adapter", rows, texts)
        for form in ["lora", "peft-adalora", "merged"]:
            folder = run.with_name(f"{run.name}-{form}")
            adalora(program, "export", run, "--to", form, "--output", folder)
            check(program, f"{run.name}, {form}", folder, rows, texts, ours)
    taken = work / "llama-imported"
    adalora(program, "import", LLAMAS / "adapter", "--model", LLAMAS / "model", "--max-length", LENGTH, "--any-base-name",
            "--output", taken)
    ours = json.loads(adalora(program, "evaluate", taken, "--data", rows, "--json"))["loss"]
    check(program, "made by peft", LLAMAS / "adapter", rows, texts, ours)


main()
