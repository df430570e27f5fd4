#!/usr/bin/env python3
"""Make the package description -> archive section data set from Debian's own package lists.

The text is a package's one-line description, the label its section in the archive (python, science, games, …), as
`apt-cache dumpavail` tells them for the release main that this system reads (sections: Debian Policy, 2.4). Sections that tell a
package's form and not its subject are left out. Writes train.jsonl, validation.jsonl and test.jsonl.

The split orders source packages by their SHA-256: packages of one source describe themselves in nearly the same words, and
stand on one side of the border. Each section has at most --most training rows, so that some are ten times as frequent as
others, not a hundred times.

    sudo apt-get update
    python3 scripts/make-packages.py                # data/packages
"""

import argparse
import collections
import hashlib
import json
import os
import subprocess
import sys
import tempfile

FORMS = {"debug", "doc", "introspection", "libdevel", "libs", "localization", "metapackages", "misc", "oldlibs", "tasks"}
FEWEST = 100
HELD_OUT = {"test": 0.2, "validation": 0.1}


def fail(message):
    sys.exit(f"make-packages: {message}")


def records():
    """The fields of each package, of the first line of each."""
    try:
        text = subprocess.run(["apt-cache", "dumpavail"], check=True, capture_output=True).stdout.decode()
    except FileNotFoundError:
        fail("apt-cache not found: this data set is made on Debian")
    except (subprocess.CalledProcessError, UnicodeDecodeError) as error:
        fail(f"apt-cache dumpavail: {error}")
    for record in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in record.splitlines() if ": " in line and not line.startswith(" "))
        if "Package" in fields:
            yield fields


def collect():
    """[(hash of the source, text, section)], each text once, in the order of the hashes; and what was left out."""
    section_of, source_of, dropped = {}, {}, collections.Counter()
    for fields in records():
        section = fields.get("Section", "").rpartition("/")[2]
        text = fields.get("Description", fields.get("Description-en", "")).strip()
        source = fields.get("Source", fields["Package"]).split(" ")[0]
        if not text or not section:
            dropped["without description or section"] += 1
        elif section in FORMS:
            dropped["of a section that tells a form"] += 1
        elif text in section_of:
            dropped["with a text that another package has"] += 1
            if section_of[text] != section:
                section_of[text] = None
        else:
            section_of[text], source_of[text] = section, source
    dropped["with a text in several sections"] = sum(section is None for section in section_of.values())
    rows = [
        (hashlib.sha256(source_of[text].encode()).hexdigest(), text, section)
        for text, section in section_of.items() if section
    ]
    counts = collections.Counter(section for _, _, section in rows)
    dropped["of a rare section"] = sum(counts[section] < FEWEST for _, _, section in rows)
    return sorted(row for row in rows if counts[row[2]] >= FEWEST), dropped


def split(rows, most):
    parts = {"train": [], "validation": [], "test": []}
    taken = collections.Counter()
    for key, text, section in rows:
        place = int(key[:8], 16) / 2**32
        if place < HELD_OUT["test"]:
            part = "test"
        elif place < HELD_OUT["test"] + HELD_OUT["validation"]:
            part = "validation"
        else:
            part = "train"
        # The frequencies of all parts are those of training.
        limit = most if part == "train" else round(most * HELD_OUT[part] / 0.7)
        if taken[part, section] < limit:
            taken[part, section] += 1
            parts[part].append({"text": text, "label": section})
    return parts


def write(path, rows):
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", default="data/packages")
    parser.add_argument("--most", type=int, default=300, help="training rows of a section at most (default: 300)")
    arguments = parser.parse_args()
    rows, dropped = collect()
    if not rows:
        fail("no package is known; run `apt-get update` first")
    os.makedirs(arguments.directory, exist_ok=True)
    parts = split(rows, arguments.most)
    for name, part in parts.items():
        write(os.path.join(arguments.directory, f"{name}.jsonl"), part)
    sections = collections.Counter(row["label"] for row in parts["train"])
    digest = hashlib.sha256("".join(text for _, text, _ in rows).encode()).hexdigest()[:16]
    print(f"{arguments.directory}: " + ", ".join(f"{len(part):,} {name}" for name, part in parts.items())
          + f" rows of {len(sections)} sections, {min(sections.values())} to {max(sections.values())} training rows each; "
          f"package list {digest}")
    for reason, count in dropped.items():
        if count:
            print(f"  left out: {count:,} {reason}")


if __name__ == "__main__":
    main()
