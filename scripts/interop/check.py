"""Opens what `adalora export` wrote with the real peft and transformers and compares their answers with ours.

usage: check.py ADALORA RUN ROWS FOLDER...
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# Float32 rounding of a whole forward pass in another order, seen in a probability.
TOLERANCE = 1e-5


def ours(adalora: str, folder: Path, rows: Path) -> list[dict[str, float]]:
    command = [adalora, "predict", str(folder), "--data", str(rows)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line)["probabilities"] for line in lines]


def opened(folder: Path, labels: list[str]) -> tuple[torch.nn.Module, object]:
    """The model by transformers, and by PEFT on its base where the folder is an adapter; with a tokenizer."""
    config = folder / "adapter_config.json"
    if not config.exists():
        model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
        odd = {key: names for key, names in info.items() if names}
        assert not odd and model.dtype == torch.float32, (odd, model.dtype)
        return model, AutoTokenizer.from_pretrained(folder)
    base = json.loads(config.read_text())["base_model_name_or_path"]
    # In Float32 as here, whatever the base was saved in; it may have a head of its own.
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(labels), dtype=torch.float32, ignore_mismatched_sizes=True)
    return PeftModel.from_pretrained(model, folder), AutoTokenizer.from_pretrained(base)


def theirs(folder: Path, texts: list[str], labels: list[str]) -> torch.Tensor:
    model, tokenizer = opened(folder, labels)
    model.eval()
    rows = []
    with torch.no_grad():
        for text in texts:
            batch = tokenizer(text, truncation=True, max_length=128, return_tensors="pt")
            rows.append(model(**batch).logits[0].double().softmax(-1))
    return torch.stack(rows)


def main() -> None:
    adalora, run, rows = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    texts = [json.loads(line)["text"] for line in rows.read_text().splitlines()]
    labels = json.loads((run / "adapter" / "adalora.json").read_text())["labels"]
    expected = ours(adalora, run, rows)
    reference = torch.tensor([[row[label] for label in labels] for row in expected], dtype=torch.double)
    failed = False
    for name in sys.argv[4:]:
        config = json.loads((Path(name) / "config.json").read_text()) if (Path(name) / "config.json").exists() else None
        assert not config or list(config["id2label"].values()) == labels, config["id2label"]
        difference = (theirs(Path(name), texts, labels) - reference).abs().max().item()
        verdict = "same" if difference <= TOLERANCE else "DIFFERENT"
        failed |= difference > TOLERANCE
        print(f"{Path(name).name:14} {verdict}: probabilities differ by at most {difference:.1e} over {len(texts)} rows")
    if failed:
        raise SystemExit(f"error: more than {TOLERANCE} apart")


if __name__ == "__main__":
    main()
