"""Images that both sides train on: what they show does not matter for the time that a step takes."""

import random
from pathlib import Path

import numpy
from batches import Example
from safetensors.numpy import save_file

COUNT, SIDE, PATCH, CLASSES = 32, 224, 16, 10


class Pictures:
    """`pixels`, float32 [N, 3, 224, 224] as a processor would have made them, in a file of safetensors."""

    def __init__(self, path: Path, side: int = SIDE, patch: int = PATCH) -> None:
        self.path, self.names = path, [str(label) for label in range(CLASSES)]
        # Patches, and the row of the class.
        self.length = (side // patch) ** 2 + 1
        # Samples of 8 bits, made values from -1 to 1.
        samples = numpy.random.default_rng(1).integers(0, 256, (COUNT, 3, side, side), dtype=numpy.uint8)
        save_file({"pixels": samples.astype(numpy.float32) / 127.5 - 1}, path)

    def rows(self, count: int, seed: int) -> list[Example]:
        chance = random.Random(seed)
        return [
            Example([], chance.randrange(CLASSES), image=chance.randrange(COUNT), rows=self.length) for _ in range(count)
        ]
