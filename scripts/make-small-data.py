#!/usr/bin/env python3
"""Small data sets of several kinds, 100 to 20,000 rows, to measure default settings on.

From Debian's wordnet-base: topics (8 supersenses of glosses, balanced), glosses (all 41) and pairs (two glosses, scored by
how near their synsets are in the tree of hypernyms, Wu and Palmer 1994). From the source package of vaderSentiment on PyPI
(Hutto and Gilbert 2014): reviews and products (sentiment, 2 classes) and tweets (mean rating, a score). Each set has
train.csv and test.csv; a test set is no part of any training set of the same kind. The data are fetched, never committed.

usage: make-small-data.py FOLDER
"""

import csv
import hashlib
import io
import random
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "vaderSentiment==3.3.2"
WORDNET = Path("/usr/share/wordnet")
TOPICS = {
    5: "animal", 6: "artifact", 8: "body", 13: "food", 15: "location", 18: "person", 20: "plant", 27: "substance"
}


def synsets() -> dict[str, tuple[int, list[str], str]]:
    """Noun synsets by offset: lexicographer file, hypernyms, gloss before its first example."""
    found = {}
    for line in (WORDNET / "data.noun").read_text(encoding="utf-8").split("\n"):
        if not line or line.startswith(" "):
            continue
        head, gloss = line.split(" | ", 1)
        fields = head.split()
        words = int(fields[3], 16)
        place = 4 + 2 * words
        pointers = [fields[place + 1 + 4 * index:place + 5 + 4 * index] for index in range(int(fields[place]))]
        parents = [offset for symbol, offset, _, _ in pointers if symbol in ("@", "@i")]
        found[fields[0]] = (int(fields[1]), parents, " ".join(gloss.split('; "')[0].split()))
    return found


def order(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def topics(nouns: dict) -> list[tuple[str, str]]:
    texts: dict[str, str] = {}
    for file, _, gloss in nouns.values():
        if file in TOPICS:
            texts.setdefault(gloss, TOPICS[file])
    ranked: dict[str, list[str]] = {name: [] for name in TOPICS.values()}
    for gloss in sorted(texts, key=order):
        ranked[texts[gloss]].append(gloss)
    # One class after the other, so that every beginning is balanced.
    return [(ranked[name][index], name) for index in range(200) for name in ranked]


def pairs(nouns: dict, count: int) -> list[tuple[str, str, float]]:
    def path(offset: str) -> list[str]:
        steps = [offset]
        while nouns[steps[-1]][1]:
            steps.append(nouns[steps[-1]][1][0])
        return steps[::-1]

    generator = random.Random(7)
    offsets = sorted(nouns, key=order)[:20_000]
    paths = {offset: path(offset) for offset in offsets}
    below: dict[str, list[str]] = {}
    for offset in offsets:
        for ancestor in paths[offset]:
            below.setdefault(ancestor, []).append(offset)
    rows = []
    while len(rows) < count:
        first = generator.choice(offsets)
        # A common ancestor at any height, so that near pairs are as frequent as far ones.
        second = generator.choice(below[generator.choice(paths[first])])
        if first == second or nouns[first][2] == nouns[second][2]:
            continue
        shared = sum(1 for one, other in zip(paths[first], paths[second]) if one == other)
        score = 2 * shared / (len(paths[first]) + len(paths[second]))
        rows.append((nouns[first][2], nouns[second][2], round(5 * score, 3)))
    return rows


def rated(name: str, archive: tarfile.TarFile) -> list[tuple[str, float]]:
    """Text and mean rating, -4 to 4, each text once, in an order that depends on the text alone."""
    member = next(info for info in archive.getmembers() if info.name.endswith(name))
    file = archive.extractfile(member)
    assert file is not None
    texts: dict[str, float] = {}
    for line in file.read().decode("latin-1").splitlines():
        _, rating, text = line.split("\t", 2)
        texts.setdefault(" ".join(text.split()), float(rating))
    return sorted(texts.items(), key=lambda row: order(row[0]))


def sentiment(rows: list[tuple[str, float]]) -> list[tuple[str, str]]:
    return [(text, "positive" if rating > 0 else "negative") for text, rating in rows if abs(rating) >= 0.5]


def fetched(folder: str) -> tarfile.TarFile:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", folder, PACKAGE]
    subprocess.run(command, check=True)
    with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as outer:
        inner = next(info for info in outer.getmembers() if info.name.endswith("hutto_ICWSM_2014.tar.gz"))
        return tarfile.open(fileobj=io.BytesIO(outer.extractfile(inner).read()))


def write(folder: Path, columns: list[str], train: list, test: list) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in [("train", train), ("test", test)]:
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows)
        print(f"{folder / name}.csv: {len(rows)} rows")


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    target = Path(sys.argv[1])
    nouns = synsets()
    rows = topics(nouns)
    for size in (100, 400):
        write(target / f"topics-{size}", ["text", "label"], rows[:size], rows[-1000:])
    scored = pairs(nouns, 1600)
    write(target / "pairs-600", ["text_a", "text_b", "score"], scored[:600], scored[600:])
    with tempfile.TemporaryDirectory() as folder:
        archive = fetched(folder)
        reviews = sentiment(rated("movieReviewSnippets_GroundTruth.txt", archive))
        products = sentiment(rated("amazonReviewSnippets_GroundTruth.txt", archive))
        tweets = rated("tweets_GroundTruth.txt", archive)
    write(target / "reviews-300", ["text", "label"], reviews[:300], reviews[-1500:])
    write(target / "reviews-6000", ["text", "label"], reviews[:6000], reviews[-1500:])
    write(target / "products-2000", ["text", "label"], products[:2000], products[-1000:])
    write(target / "tweets-1000", ["text", "score"], tweets[:1000], tweets[-1500:])
    texts: dict[str, str] = {}
    for file, _, gloss in nouns.values():
        texts.setdefault(gloss, f"noun.{file}")
    glosses = sorted(texts.items(), key=lambda row: order(row[0]))
    for size in (1000, 20_000):
        train = glosses[:size]
        known = {label for _, label in train}
        test = [row for row in glosses[-2000:] if row[1] in known]
        write(target / f"glosses-{size}", ["text", "label"], train, test)


if __name__ == "__main__":
    main()
