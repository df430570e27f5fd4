"""Trains a short run of each task beside classification, exports it in every form, and compares the answers of the real
peft and transformers with ours.

usage: check_tasks.py ADALORA BASE ROWS WORK

The tasks are made of the texts of ROWS: which vowels a text has, which words are long, and the first long word.
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from check import TOLERANCE
from peft import PeftModel
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    AutoModelForQuestionAnswering, AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer,
)

VOWELS = "aeiouy"
LONG = 8
MODELS = {"multi-label": AutoModelForSequenceClassification, "token-classification": AutoModelForTokenClassification,
          "question-answering": AutoModelForQuestionAnswering}
QUESTION = "Which word is long?"


def row(task: str, text: str) -> dict:
    words = text.split()
    long = [word for word in words if len(word) >= LONG]
    if task == "multi-label":
        return {"text": text, "labels": [vowel for vowel in VOWELS[3:] if vowel in text]}
    if task == "token-classification":
        return {"tokens": words, "labels": ["B-LONG" if len(word) >= LONG else "O" for word in words]}
    answer = {"text": long[:1], "answer_start": [text.index(long[0])] if long else []}
    return {"question": QUESTION, "context": text, "answers": answer}


def opened(task: str, folder: Path) -> tuple[torch.nn.Module, object]:
    config = folder / "adapter_config.json"
    if not config.exists():
        model, info = MODELS[task].from_pretrained(folder, output_loading_info=True)
        odd = {key: names for key, names in info.items() if names}
        assert not odd and model.dtype == torch.float32, (odd, model.dtype)
        return model.eval(), AutoTokenizer.from_pretrained(folder)
    base = json.loads(config.read_text())["base_model_name_or_path"]
    labels = json.loads((folder / "adalora.json").read_text())["labels"]
    # A base may have a head of its own, and be in half precision.
    model = MODELS[task].from_pretrained(
        base, num_labels=len(labels) or 2, dtype=torch.float32, ignore_mismatched_sizes=True)
    # PEFT 0.21's wrapper for question answering drops token_type_ids; what it wraps does not.
    return PeftModel.from_pretrained(model, folder).base_model.eval(), AutoTokenizer.from_pretrained(base)


def answer(task: str, model: torch.nn.Module, tokenizer, row: dict, labels: list[str]):
    """Numbers and names that must be ours."""
    if task == "question-answering":
        batch = tokenizer(row["question"], row["context"], return_tensors="pt")
        output = model(**batch)
        inside = [index for index, part in enumerate(batch.sequence_ids(0)) if part == 1]
        start, end = output.start_logits[0].double(), output.end_logits[0].double()
        pairs = [(first, last) for first in start.topk(min(20, len(start))).indices.tolist()
                 for last in end.topk(min(20, len(end))).indices.tolist()
                 if first in inside and last in inside and first <= last < first + 30]
        best = max((start[first] + end[last]).item() for first, last in pairs)
        return [(start[0] + end[0]).item() - best], []
    if task == "token-classification":
        if isinstance(tokenizer.backend_tokenizer.pre_tokenizer, ByteLevel):
            # transformers itself asks for add_prefix_space=True where words are given.
            tokenizer.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)
        batch = tokenizer(row["tokens"], is_split_into_words=True, return_tensors="pt")
        chosen = model(**batch).logits[0].argmax(-1).tolist()
        word_ids = batch.word_ids(0)
        return [], [labels[chosen[word_ids.index(word)]] for word in range(len(row["tokens"]))]
    batch = tokenizer(row["text"], return_tensors="pt")
    return model(**batch).logits[0].double().sigmoid().tolist(), []


def ours(task: str, line: dict, labels: list[str]):
    if task == "question-answering":
        return [line["noAnswerMargin"]], []
    if task == "token-classification":
        return [], line["labels"]
    return [line["probabilities"][label] for label in labels], []


def main() -> None:
    adalora, base, rows, work = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    texts = [json.loads(line)["text"] for line in rows.read_text().splitlines()]
    failed = False
    for task in MODELS:
        run = work / f"{Path(base).name}-{task}"
        data = work / f"{task}.jsonl"
        lines = [row(task, text) for text in texts]
        data.write_text("".join(json.dumps(line) + "\n" for line in lines))
        subprocess.run(
            [adalora, "train", "--task", task, "--model", base, "--train", str(data), "--output", str(run), "--steps", "30",
             "--average-rank", "1", "--learning-rate", "1e-2", "--max-length", "128", "--pooling", "pooler"],
            check=True, capture_output=True)
        folders = [run / "adapter"]
        for form in ("lora", "peft-adalora", "merged"):
            folders.append(Path(f"{run}-{form}"))
            subprocess.run([adalora, "export", str(run), "--to", form, "--output", str(folders[-1])], check=True,
                           capture_output=True)
        labels = json.loads((run / "adapter" / "adalora.json").read_text())["labels"]
        predicted = subprocess.run([adalora, "predict", str(run), "--data", str(data)], check=True, capture_output=True,
                                   text=True).stdout.splitlines()
        for folder in folders:
            model, tokenizer = opened(task, folder)
            worst, other = 0.0, 0
            with torch.no_grad():
                for line, mine in zip(lines, predicted):
                    numbers, names = answer(task, model, tokenizer, line, labels)
                    known, known_names = ours(task, json.loads(mine), labels)
                    other += names != known_names
                    for number, expected in zip(numbers, known):
                        worst = max(worst, abs(number - expected) / max(1, abs(expected)))
            failed |= worst > TOLERANCE or other > 0
            print(f"{Path(base).name}, {folder.name}: numbers differ by at most {worst:.1e}, {other} rows in their names")
    if failed:
        raise SystemExit(f"error: more than {TOLERANCE} apart")


if __name__ == "__main__":
    main()
