#!/usr/bin/env python3
"""Make instructions about words from Debian's wordnet-base: chat rows that a language model can learn.

Reads data.noun and data.verb (format: wndb(5WN)). Of each word its first sense is taken: the row asks for its meaning (the
gloss), for its category (the lexicographer file, lexnames(5WN), as in make-wordnet.py) or for a sentence with it (an
example of the gloss). Each row is {"messages": [system, user, assistant]}. Writes train.jsonl, validation.jsonl and
test.jsonl, and prompts.jsonl with a test row of each kind. --kind makes rows of one kind alone; those of `category`
have answers that can be marked exactly.

Rows are split and ordered by the SHA-256 of the word, so that all rows of a word lie on one side and a larger training set
contains every smaller one.

    sudo apt-get install wordnet-base
    python3 scripts/make-wordnet-chat.py           # data/wordnet-chat, 2,000 training rows
"""

import argparse
import hashlib
import importlib.util
import json
import os
import re
from pathlib import Path

SYSTEM = "You are a dictionary. Answer in one line."
KINDS = ("meaning", "category", "sentence")
QUESTIONS = {
    "meaning": "What does the {part} \"{word}\" mean?",
    "category": "Which category does the {part} \"{word}\" belong to?",
    "sentence": "Use the {part} \"{word}\" in a sentence.",
}


def wordnet():
    """make-wordnet.py, for its names of categories, its messages and its way to write files."""
    path = Path(__file__).resolve().parent / "make-wordnet.py"
    spec = importlib.util.spec_from_file_location("make_wordnet", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def synsets(path, tools):
    """Yields (words, category, gloss) for each synset of one file."""
    with open(path, encoding="utf-8", newline="\n") as source:
        for number, line in enumerate(source, 1):
            if line.startswith("  "):  # the license
                continue
            fields, bar, gloss = line.partition(" | ")
            columns = fields.split(" ")
            if not bar or len(columns) < 6 or not columns[1].isdigit():
                tools.fail(f"{path}:{number}: not a synset record of wndb(5WN)")
            count = int(columns[3], 16)
            words = [columns[4 + 2 * place].replace("_", " ") for place in range(count)]
            label = tools.LEXNAMES.get(int(columns[1]))
            if label is None:
                tools.fail(f"{path}:{number}: unknown lexicographer file {columns[1]}")
            yield words, label.split(".")[1], gloss.strip()


def sentence(word, gloss):
    """An example of the gloss that has the word as it is asked for."""
    for text in re.findall(r'"([^"]+)"', gloss):
        if re.search(rf"\b{re.escape(word)}\b", text) and len(text.split()) > 3:
            return text[0].upper() + text[1:].rstrip(" .;") + "."
    return None


def answers(source, tools):
    """By (part of speech, word): answers of each kind, of the first sense that has one."""
    found = {}
    for part, name in (("noun", "data.noun"), ("verb", "data.verb")):
        path = os.path.join(source, name)
        if not os.path.exists(path):
            tools.fail(f"{path} not found: install it with `apt-get install wordnet-base`, or pass --source with its folder")
        for words, category, gloss in synsets(path, tools):
            meaning = re.split(r'; "', gloss, maxsplit=1)[0].strip().rstrip(";").rstrip()
            for word in words:
                # Names have no meaning to learn, and long terms are theirs.
                if not re.fullmatch(r"[a-z]+", word) or len(word) < 3 or not meaning:
                    continue
                own = found.setdefault((part, word), {"meaning": meaning, "category": category})
                if "sentence" not in own and own["meaning"] == meaning:
                    text = sentence(word, gloss)
                    if text:
                        own["sentence"] = text
    return found


def rows(source, kinds, tools):
    def digest(part, word):
        return hashlib.sha256(f"{part} {word}".encode()).digest()

    for (part, word), own in sorted(answers(source, tools).items(), key=lambda item: digest(*item[0])):
        there = [kind for kind in kinds if kind in own]
        if not there:
            continue
        kind = there[digest(part, word)[-1] % len(there)]
        question = QUESTIONS[kind].format(part=part, word=word)
        yield kind, {
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": question},
                {"role": "assistant", "content": own[kind]},
            ]
        }


def write(path, lines):
    temporary = path.with_name("." + path.name + ".new")
    with open(temporary, "w", encoding="utf-8", newline="\n") as output:
        for line in lines:
            output.write(json.dumps(line, ensure_ascii=False) + "\n")
        output.flush()
        os.fsync(output.fileno())
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", default="data/wordnet-chat", help="where the files go (default: data/wordnet-chat)")
    parser.add_argument("--source", default="/usr/share/wordnet", help="folder with data.noun and data.verb")
    parser.add_argument("--kind", choices=KINDS, help="rows of one kind alone")
    parser.add_argument("--train-size", type=int, default=2000, metavar="N", help="training rows (default: 2000)")
    parser.add_argument("--held-out", type=int, default=300, metavar="N", help="rows for validation, and for test (default: 300)")
    arguments = parser.parse_args()
    if min(arguments.train_size, arguments.held_out) < 1:
        parser.error("--train-size and --held-out must be at least 1")
    tools = wordnet()
    kinds = (arguments.kind,) if arguments.kind else KINDS
    made = list(rows(arguments.source, kinds, tools))
    held = arguments.held_out
    if len(made) < 2 * held + arguments.train_size:
        tools.fail(f"{arguments.source} has {len(made)} such words, {2 * held + arguments.train_size} were asked for")
    folder = Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"test": made[:held], "validation": made[held : 2 * held], "train": made[2 * held : 2 * held + arguments.train_size]}
    for name, part in parts.items():
        write(folder / f"{name}.jsonl", [row for _, row in part])
        counts = ", ".join(f"{sum(kind == own for own, _ in part):,} {kind}" for kind in kinds)
        print(f"{folder / name}.jsonl: {len(part):,} rows ({counts})")
    samples = [next(row for own, row in parts["test"] if own == kind) for kind in kinds]
    write(folder / "prompts.jsonl", samples)


if __name__ == "__main__":
    main()
