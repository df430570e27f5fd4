"""Batches of token ids, made once so that both sides train on the same."""

import dataclasses
import json
import math
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer

LONGEST = 128


@dataclasses.dataclass(frozen=True)
class Example:
    ids: list[int]
    label: int = 0
    learned: list[int] | None = None
    """Of a row of a language model, which of its tokens the loss predicts."""
    image: int | None = None
    """Of a row that is an image, which of the task's pictures."""
    rows: int = 0
    """Of an image: what it becomes in the model."""

    @property
    def length(self) -> int:
        return self.rows or len(self.ids)


Batch = list[Example]


class Corpus:
    """Labelled rows as token ids, special tokens included."""

    def __init__(self, model: Path, rows: Path, names: list[str] | None = None) -> None:
        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(LONGEST)
        records = [json.loads(line) for line in rows.read_text().splitlines()]
        self.names = names or sorted({record["label"] for record in records})
        number = {name: index for index, name in enumerate(self.names)}
        if unknown := {record["label"] for record in records} - number.keys():
            raise ValueError(f"{rows}: labels that the training rows do not have: {', '.join(sorted(unknown))}")
        encodings = tokenizer.encode_batch([record["text"] for record in records])
        self.examples = [
            Example(encoding.ids, number[record["label"]]) for encoding, record in zip(encodings, records, strict=True)
        ]

    def shuffled(self, seed: int) -> list[Example]:
        return random.Random(seed).sample(self.examples, len(self.examples))

    def of_lengths(self, lengths: Iterable[int], seed: int) -> list[Example]:
        """Examples of given lengths: following rows are appended to one until it is long enough."""
        source = self._endless(seed)
        return [self._joined(source, length) for length in lengths]

    def _endless(self, seed: int) -> Iterator[Example]:
        while True:
            yield from self.shuffled(seed)

    @staticmethod
    def _joined(source: Iterator[Example], length: int) -> Example:
        first = next(source)
        start, middle, end = first.ids[:1], first.ids[1:-1], first.ids[-1:]
        while len(middle) < length - 2:
            middle += next(source).ids[1:-1]
        return Example(start + middle[: length - 2] + end, first.label)


def log_normal_lengths(
    count: int, seed: int, mean: float = 30, sigma: float = 0.6, least: int = 4, most: int = LONGEST
) -> list[int]:
    """Lengths of real short texts: log-normal, by default at least 4 and at most 128 tokens."""
    generator = random.Random(seed)
    location = math.log(mean) - sigma**2 / 2
    return [min(most, max(least, round(generator.lognormvariate(location, sigma)))) for _ in range(count)]


def cut(examples: list[Example], size: int) -> list[Batch]:
    return [examples[start : start + size] for start in range(0, len(examples), size)]


def grouped_by_length(batches: list[Batch], seed: int) -> list[Batch]:
    """The same examples in as many batches, each of similar lengths, in random order."""
    examples = sorted((example for batch in batches for example in batch), key=lambda example: len(example.ids))
    grouped = cut(examples, len(batches[0]))
    random.Random(seed).shuffle(grouped)
    return grouped


def write_batches(batches: list[Batch], path: Path) -> Path:
    with path.open("w") as output:
        for batch in batches:
            if batch[0].image is None:
                line = {"ids": [example.ids for example in batch]}
            else:
                line = {"images": [example.image for example in batch], "rows": batch[0].rows}
            if batch[0].learned is None:
                line["labels"] = [example.label for example in batch]
            else:
                line["learned"] = [example.learned for example in batch]
            output.write(json.dumps(line, separators=(",", ":")) + "\n")
    return path


def read_batches(path: Path) -> list[Batch]:
    batches = []
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if images := record.get("images"):
            rows = record["rows"]
            batches.append([Example([], label, image=i, rows=rows) for i, label in zip(images, record["labels"], strict=True)])
        elif learned := record.get("learned"):
            batches.append([Example(ids, learned=some) for ids, some in zip(record["ids"], learned, strict=True)])
        else:
            batches.append([Example(ids, label) for ids, label in zip(record["ids"], record["labels"], strict=True)])
    return batches
