"""What both sides are told to do, as one JSON file; Benchmarks/PeerSteps/PeerTask.swift reads the same."""

import dataclasses
import json
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Task:
    model: str
    batches: str
    start: str | None
    labels: int
    """Classes; 0 of a language model, whose rows say which of their tokens are learned."""
    threads: int
    initialRank: int
    averageRank: int
    totalSteps: int
    warmupSteps: int
    finalSteps: int
    learningRate: float
    learningRateWarmupSteps: int = 0
    validation: str | None = None
    parity: bool = False
    pixels: str | None = None
    """Of a model of images: safetensors with `pixels`, float32 [N, 3, H, W]."""

    recompute: str = "none"
    """What this project computes again, as `adalora train --recompute` has it."""

    precision: str = "float32"
    """How this project multiplies by frozen weights, as `adalora train --precision` has it: float32 or bf16."""

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")
        return path

    @staticmethod
    def read(path: Path) -> "Task":
        return Task(**json.loads(path.read_text()))

    def rate(self, step: int) -> float:
        """The learning rate of step t, from 1: a linear rise, then a linear fall to 0."""
        if step <= self.learningRateWarmupSteps:
            return self.learningRate * step / self.learningRateWarmupSteps
        falling = max(1, self.totalSteps - self.learningRateWarmupSteps)
        return self.learningRate * max(0.0, 1 - (step - 1 - self.learningRateWarmupSteps) / falling)
