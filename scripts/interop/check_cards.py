"""Runs the Python of the README.md that `adalora export` writes, by the real peft and transformers, and compares its
answers with those of the card's own `adalora predict`.

usage: check_cards.py ADALORA BASE ROWS WORK

The program of a card is run as it stands, then once more with the texts of ROWS in place of its example.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import torch
from check_tasks import QUESTION, row
from huggingface_hub import ModelCard

# Two forward passes in Float32 with sums in another order, over the largest logit or 1: three times what was
# seen of questions, whose scores are sums, ten times that of the others. Another pooling makes 0.5.
TOLERANCE = 1e-5
HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"
TAGS = {"classification": "text-classification", "pairs": "text-classification", "regression": "text-classification",
        "multi-label": "text-classification", "token-classification": "token-classification",
        "question-answering": "question-answering", "causal-lm": "text-generation"}
ALL = ["lora", "ragged", "peft-adalora", "merged"]
# Where a head reads a mean or a first row there is no model to merge into.
ADAPTERS = ["lora", "ragged", "peft-adalora"]


def cases(base: Path) -> list[tuple[str, str, list[str]]]:
    if json.loads((base / "config.json").read_text())["model_type"] == "llama":
        return [("causal-lm", "pooler", ALL)]
    if base.name != "minilm":
        return [("classification", "pooler", ["lora", "merged"]), ("classification", "mean", ["lora"]),
                ("token-classification", "pooler", ["lora"]), ("question-answering", "pooler", ["lora"])]
    return [("classification", "mean", ADAPTERS), ("classification", "first", ["lora"]), ("classification", "pooler", ALL),
            ("pairs", "mean", ["lora"]), ("regression", "mean", ["lora"]), ("regression", "pooler", ["lora", "merged"]),
            ("multi-label", "mean", ["lora"]), ("multi-label", "pooler", ["lora", "merged"]),
            ("token-classification", "pooler", ALL), ("question-answering", "pooler", ALL)]


def made(task: str, text: str) -> dict:
    """A row for the task out of a text."""
    words = text.split()
    if task == "regression":
        return {"text": text, "score": len(text) / 40}
    if task == "pairs":
        half = len(words) // 2
        return {"first": " ".join(words[:half]), "second": " ".join(words[half:]), "label": "even" if len(text) % 2 else "odd"}
    if task == "classification":
        # Labels that a card must quote.
        return {"text": text, "label": ['few "words"', "more: `some`", "many\\of them", "ünzählig"][min(3, len(words) // 6)]}
    return {"text": text} if task == "causal-lm" else row(task, text)


def adalora(*arguments) -> str:
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: {arguments}\n{done.stderr}")
    return done.stdout


def program(card: str) -> tuple[str, str]:
    """The lines of Python that open the model, and those that use it."""
    blocks = re.findall(r"^```python\n(.*?)^```$", card, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, card
    opening, _, use = blocks[0].rpartition("\n\n")
    return opening, use


def run(use: str, names: dict, example: str, rows: object) -> dict:
    """The use of the model with other rows than the card's example."""
    pattern = rf"^{re.escape(example)} = .*$"
    assert len(re.findall(pattern, use, re.MULTILINE)) == 1, (example, use)
    # A line may hold backslashes, so no replacement text.
    changed = re.sub(pattern, lambda _: f"{example} = ROWS", use, flags=re.MULTILINE)
    names = {**names, "ROWS": rows}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(changed, names)
    return {**names, "printed": printed.getvalue()}


def differences(task: str, use: str, names: dict, rows: list[dict], answers: list[dict]) -> tuple[list[float], int]:
    """Of numbers, each over the largest, and how many answers have other names."""
    labels = names.get("labels")
    names_of = [labels[place] for place in range(len(labels))] if labels else []
    if task in ("classification", "multi-label", "regression", "pairs"):
        given = run(use, names, "texts, others", ([row["first"] for row in rows], [row["second"] for row in rows])) \
            if task == "pairs" else run(use, names, "texts", [row["text"] for row in rows])
        logits = given["logits"].double()
        if task == "regression":
            known, found = torch.tensor([[row["score"]] for row in answers], dtype=torch.double), logits
        else:
            shares = torch.tensor([[row["probabilities"][name] for name in names_of] for row in answers], dtype=torch.double)
            known, found = (shares.logit(), logits) if task == "multi-label" else (shares.log(), logits.log_softmax(-1))
        other = 0
        for printed, answer in zip(given["printed"].splitlines(), answers):
            key = {"multi-label": "labels", "regression": None}.get(task, "label")
            other += key is not None and not printed.startswith(str(answer[key]))
        return [((known - found).abs().max() / max(1, known.abs().max())).item()], other
    if task == "token-classification":
        given = run(use, names, "sentences", [row["tokens"] for row in rows])
        found = [[name for _, name in eval(line)] for line in given["printed"].splitlines()]
        return [], sum(mine != answer["labels"] for mine, answer in zip(found, answers, strict=True))
    numbers, other = [], 0
    for line, answer in zip(rows, answers, strict=True):
        if task == "question-answering":
            given = run(use, names, "question, context", (line["question"], line["context"]))
            start, end, first, last = (given[name] for name in ("start", "end", "first", "last"))
            found = start[0] + end[0] if given["answer"] is None else start[first] + end[last]
            known = answer["score"]
            other += given["answer"] != answer["answer"]
        else:
            # What a text ends with is one of its tokens.
            ids = names["tokenizer"](line["text"]).input_ids + [names["tokenizer"].eos_token_id]
            ids = torch.tensor([ids[:60]])
            with torch.no_grad():
                logits = names["model"](input_ids=ids).logits[0, :-1].double()
            found, known = torch.nn.functional.cross_entropy(logits, ids[0, 1:]).item(), answer["loss"]
        numbers.append(abs(known - found) / max(1, abs(known)))
    return numbers, other


def check(program_path: str, task: str, folder: Path, rows: list[dict], data: Path, base: Path, name: str | None) -> bool:
    text = (folder / "README.md").read_text()
    labels = json.loads((folder / "adalora.json").read_text())["labels"]
    assert not any(str(path) in text for path in (Path.cwd(), Path.home(), base)), "a private path"
    front = ModelCard.load(folder / "README.md").data
    merged = folder.name.endswith("merged")
    assert front.pipeline_tag == TAGS[task] and front.library_name == ("transformers" if merged else "peft"), front
    assert front.base_model == name, (front.base_model, name)
    opening, use = program(text)
    names: dict = {}
    exec(opening, names)
    config = names["model"].config
    if labels:
        assert config.num_labels == len(labels), config
        assert [config.id2label[place] for place in range(len(labels))] == labels, config.id2label
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(use, dict(names))
    assert printed.getvalue().strip(), "the example prints nothing"
    command = re.findall(r"^\$ adalora (.*)$", text, re.MULTILINE)
    assert len(command) == 1 and command[0].count("rows.jsonl") == 1, command
    answers = [json.loads(line) for line in
               adalora(program_path, *command[0].replace("rows.jsonl", str(data)).split()).splitlines()]
    numbers, other = differences(task, use, names, rows, answers)
    worst = max(numbers, default=0.0)
    print(f"  {folder.name}: " + (f"logits differ by at most {worst:.1e}, " if numbers else "") + f"{other} rows in their names")
    return worst <= TOLERANCE and other == 0


def check_conversations(program_path: str, base: Path) -> None:
    """The card of an adapter that learned conversations by a template of its own: what its lines print is what adalora says."""
    template = Path("card-chat.jinja")
    template.write_text("{% for m in messages %}<s>{{ m.role[0] }}:{{ m.content }}</s>{% endfor %}"
                        "{% if add_generation_prompt %}<s>a:{% endif %}")
    data, output = Path("card-chat.jsonl"), Path("card-chat")
    rows = [{"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": f"It is {place}."}]}
            for place, question in enumerate(["A question", "Another", "And one"] * 8)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    adalora(program_path, "train", "--task", "causal-lm", "--model", base, "--train", data, "--output", output, "--steps", 40,
            "--average-rank", 2, "--learning-rate", "1e-2", "--max-length", 60, "--chat-template", template)
    for form in ("lora", "merged"):
        folder = Path(f"{output}-{form}")
        adalora(program_path, "export", output, "--to", form, "--output", folder)
        text = (folder / "README.md").read_text()
        assert ModelCard.load(folder / "README.md").data.pipeline_tag == TAGS["causal-lm"]
        opening, use = program(text)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(f"{opening}\n{use}", {})
        # PEFT's folder does not hold the base; a merged one does.
        said = adalora(program_path, "generate", folder, "--prompt", "A question", "--max-tokens", 40)
        assert printed.getvalue().strip() == said.strip() != "", (printed.getvalue(), said)
        print(f"  card-chat {form}: answers as adalora generate does: {said.strip()[:40]!r}")


def main() -> None:
    program_path, base, rows_file, work = (Path(argument).resolve() for argument in sys.argv[1:])
    texts = [json.loads(line)["text"] for line in rows_file.read_text().splitlines()]
    os.chdir(work)
    is_minilm = base.name == "minilm"
    # What the Hub would give under the name, and where the card's command looks for the base's files.
    links = [HUB_NAME, HUB_NAME.split("/")[1]] if is_minilm else []
    for link in map(Path, links + ([] if base.is_relative_to(work) else [base.name])):
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(base)
    passed = True
    for task, pooling, forms in cases(base):
        lines = [made(task, text) for text in texts]
        data = Path(f"card-{task}.jsonl")
        data.write_text("".join(json.dumps(line) + "\n" for line in lines))
        output = Path(f"card-{base.name}-{task}-{pooling}")
        columns = ["--text-column", "first,second"] if task == "pairs" else []
        pool = ["--pooling", pooling] if task in ("classification", "pairs", "regression", "multi-label") else []
        length = 60 if task == "causal-lm" else 128
        adalora(program_path, "train", "--task", "classification" if task == "pairs" else task, "--model", base, "--train", data,
                "--validation", data, "--output", output, "--steps", 30, "--average-rank", 1, "--learning-rate", "1e-2",
                "--max-length", length, *columns, *pool)
        for form in forms:
            folder = Path(f"{output}-{form}")
            name = HUB_NAME if is_minilm and form != "ragged" else None
            adalora(program_path, "export", output, "--to", "lora" if form == "ragged" else form, "--output", folder,
                    *(["--ragged"] if form == "ragged" else []), *(["--base-name", name] if name else []))
            passed &= check(str(program_path), task, folder, lines, data, base, name)
    if [task for task, _, _ in cases(base)] == ["causal-lm"]:
        check_conversations(str(program_path), base)
    if not passed:
        raise SystemExit(f"error: more than {TOLERANCE} apart, or other names")


if __name__ == "__main__":
    main()
