#!/usr/bin/env python3
"""Make the WordNet gloss -> supersense data set from Debian's wordnet-base.

Reads data.noun and data.verb (format: wndb(5WN)). The text is a synset's gloss before its first
example sentence, the label is the name of the lexicographer file that holds the synset
(lexnames(5WN)): 26 noun and 15 verb classes. Writes train.jsonl, validation.jsonl and test.jsonl.

The split orders the glosses by their SHA-256, so that it depends on the text only: the same gloss
lands on the same side of the border on every machine, and a larger training set contains every
smaller one.

    sudo apt-get install wordnet-base
    python3 scripts/make-wordnet.py                # data/wordnet, 10,000 training glosses
    python3 scripts/make-wordnet.py DIR --all      # every remaining gloss for training
"""

import argparse
import collections
import hashlib
import json
import os
import sys
import tempfile

LEXNAMES = {
    0: "adj.all", 1: "adj.pert", 2: "adv.all", 3: "noun.Tops", 4: "noun.act", 5: "noun.animal",
    6: "noun.artifact", 7: "noun.attribute", 8: "noun.body", 9: "noun.cognition",
    10: "noun.communication", 11: "noun.event", 12: "noun.feeling", 13: "noun.food",
    14: "noun.group", 15: "noun.location", 16: "noun.motive", 17: "noun.object",
    18: "noun.person", 19: "noun.phenomenon", 20: "noun.plant", 21: "noun.possession",
    22: "noun.process", 23: "noun.quantity", 24: "noun.relation", 25: "noun.shape",
    26: "noun.state", 27: "noun.substance", 28: "noun.time", 29: "verb.body", 30: "verb.change",
    31: "verb.cognition", 32: "verb.communication", 33: "verb.competition",
    34: "verb.consumption", 35: "verb.contact", 36: "verb.creation", 37: "verb.emotion",
    38: "verb.motion", 39: "verb.perception", 40: "verb.possession", 41: "verb.social",
    42: "verb.stative", 43: "verb.weather", 44: "adj.ppl",
}
CLASSES = 41
TEST_SIZE = 4000
VALIDATION_SIZE = 2000
FILES = ("data.noun", "data.verb")


def fail(message):
    sys.exit(f"make-wordnet: {message}")


def read_synsets(path):
    """Yields (text, label) for each synset of one data file, in file order."""
    try:
        # newline="\n": only the byte that ends a record may split lines.
        source = open(path, encoding="utf-8", newline="\n")
    except FileNotFoundError:
        fail(f"{path} not found: install it with `apt-get install wordnet-base`, "
             "or pass --source with the folder that holds data.noun and data.verb")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    with source:
        try:
            for number, line in enumerate(source, 1):
                if line.startswith("  "):  # the license
                    continue
                fields, bar, gloss = line.partition(" | ")
                columns = fields.split(" ", 2)
                if not bar or len(columns) < 3 or not columns[1].isdigit():
                    fail(f"{path}:{number}: not a synset record of wndb(5WN)")
                label = LEXNAMES.get(int(columns[1]))
                if label is None:
                    fail(f"{path}:{number}: unknown lexicographer file {columns[1]}")
                text = gloss.split('; "', 1)[0].strip().rstrip(";").rstrip()
                yield text, label
        except UnicodeDecodeError as error:
            fail(f"{path}: not UTF-8 text: {error}")


def collect(source):
    """All distinct glosses ordered by hash, and the counts of what was left out."""
    label_of, dropped = {}, collections.Counter()
    for name in FILES:
        for text, label in read_synsets(os.path.join(source, name)):
            if not text:
                dropped["empty"] += 1
            elif text not in label_of:
                label_of[text] = label
            else:
                dropped["same" if label_of[text] == label else "other"] += 1
    ordered = sorted(label_of.items(), key=lambda item: hashlib.sha256(item[0].encode()).digest())
    return ordered, dropped


def write_atomically(path, examples):
    """Leaves either the old file or the whole new one, whatever happens meanwhile."""
    folder = os.path.dirname(path)
    handle, temporary = tempfile.mkstemp(prefix=".wordnet-", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as output:
            for text, label in examples:
                output.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")
            output.flush()
            os.fsync(output.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def check_classes(splits):
    """Every class has to be trainable, and nothing may be scored that was never seen."""
    present = {name: {label for _, label in examples} for name, examples in splits.items()}
    for name in ("validation", "test"):
        missing = sorted(present[name] - present["train"])
        if missing:
            fail(f"classes of the {name} set do not occur in the training set: "
                 f"{', '.join(missing)}; raise --train-size or pass --all")
    if len(present["train"]) != CLASSES:
        fail(f"the training set holds {len(present['train'])} of {CLASSES} classes; "
             "raise --train-size or pass --all")
    return present


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", default="data/wordnet",
                        help="where the three files go (default: data/wordnet)")
    parser.add_argument("--source", default="/usr/share/wordnet",
                        help="folder with data.noun and data.verb (default: /usr/share/wordnet)")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--train-size", type=int, default=10000, metavar="N",
                      help="number of training glosses (default: 10000)")
    size.add_argument("--all", action="store_true", help="train on every remaining gloss")
    arguments = parser.parse_args()
    if arguments.train_size < 1:
        parser.error(f"--train-size must be at least 1, not {arguments.train_size}")
    return arguments


def main():
    arguments = parse_arguments()
    ordered, dropped = collect(arguments.source)
    available = len(ordered) - TEST_SIZE - VALIDATION_SIZE
    train_size = available if arguments.all else arguments.train_size
    if not 0 < train_size <= available:
        fail(f"{arguments.source} leaves {max(available, 0)} glosses for training, "
             f"{train_size} were asked for; lower --train-size or pass --all")
    validation_start = TEST_SIZE
    train_start = TEST_SIZE + VALIDATION_SIZE
    splits = {
        "train": ordered[train_start:train_start + train_size],
        "validation": ordered[validation_start:train_start],
        "test": ordered[:TEST_SIZE],
    }
    present = check_classes(splits)
    try:
        os.makedirs(arguments.folder, exist_ok=True)
        for name, examples in splits.items():
            write_atomically(os.path.join(arguments.folder, f"{name}.jsonl"), examples)
    except OSError as error:
        fail(f"cannot write into {arguments.folder}: {error.strerror}")
    print(f"{len(ordered):,} distinct glosses; left out {dropped['same']:,} duplicates with the "
          f"same label, {dropped['other']:,} with another label, {dropped['empty']:,} empty")
    for name, examples in splits.items():
        path = os.path.join(arguments.folder, f"{name}.jsonl")
        print(f"{path}: {len(examples):,} glosses, {len(present[name])} classes")


if __name__ == "__main__":
    main()
