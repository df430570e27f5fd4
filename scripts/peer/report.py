"""Statistics of pairs of steps, and how they are printed."""

import dataclasses
import random
import statistics
from typing import Any

MARKED_ABOVE = 1.15  # largest over smallest probe of a pair


@dataclasses.dataclass(frozen=True)
class Pair:
    """The same step on both sides, with the probes before, between and after them, in the order of time."""

    step: int
    first: str
    oursSeconds: float
    peftSeconds: float
    oursTokens: int
    peftTokens: int
    oursLoss: float
    peftLoss: float
    probes: tuple[float, float, float]
    shareOfProbe: float

    @property
    def ratio(self) -> float:
        return (self.oursTokens / self.oursSeconds) / (self.peftTokens / self.peftSeconds)

    @property
    def marked(self) -> bool:
        return max(self.probes) > MARKED_ABOVE * min(self.probes)


def quantile(share: float, values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[round((len(ordered) - 1) * share)]


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "p10": quantile(0.1, values), "p90": quantile(0.9, values)}


def total_ratio(pairs: list[Pair]) -> float:
    """Tokens per second over all pairs together: where batches differ, the one that means something."""
    ours = sum(pair.oursTokens for pair in pairs) / sum(pair.oursSeconds for pair in pairs)
    peft = sum(pair.peftTokens for pair in pairs) / sum(pair.peftSeconds for pair in pairs)
    return ours / peft


def resampled_total_ratio(pairs: list[Pair]) -> dict[str, float]:
    generator = random.Random(1)
    samples = [total_ratio(generator.choices(pairs, k=len(pairs))) for _ in range(1000)]
    return {"value": total_ratio(pairs), "p10": quantile(0.1, samples), "p90": quantile(0.9, samples)}


def summary(pairs: list[Pair]) -> dict[str, Any]:
    steady = [pair for pair in pairs if not pair.marked]
    return {
        "pairs": len(pairs),
        "marked": len(pairs) - len(steady),
        "ratio": spread([pair.ratio for pair in pairs]),
        "ratioOfUnmarked": spread([pair.ratio for pair in steady]) if steady else None,
        "ratioOfTotals": resampled_total_ratio(pairs),
        "oursTokensPerSecond": spread([pair.oursTokens / pair.oursSeconds for pair in pairs]),
        "peftTokensPerSecond": spread([pair.peftTokens / pair.peftSeconds for pair in pairs]),
        "probeGflops": spread([probe for pair in pairs for probe in pair.probes]),
        "shareOfProbe": spread([pair.shareOfProbe for pair in pairs]),
    }


def scenario_text(title: str, result: dict[str, Any]) -> str:
    def ratio(values: dict[str, float] | None, key: str = "median") -> str:
        return f"{values[key]:.2f} ({values['p10']:.2f}–{values['p90']:.2f})" if values else "–"

    memory, ready, start = result["peakMemory"], result["readySeconds"], result["startSeconds"]
    share, probe = result["shareOfProbe"], result["probeGflops"]
    grouped = "  (batches differ: read the line below)" if result["grouped"] else ""
    return "\n".join(
        [
            f"\n{title}",
            f"  tokens/s           adalora {result['oursTokensPerSecond']['median']:,.0f}, "
            f"PEFT {result['peftTokensPerSecond']['median']:,.0f} (medians)",
            f"  adalora/PEFT       {ratio(result['ratio'])} of {result['pairs']} pairs{grouped}",
            f"    all pairs summed {ratio(result['ratioOfTotals'], 'value')} (resampled)",
            f"    steady pairs     {ratio(result['ratioOfUnmarked'])}; {result['marked']} marked, "
            f"their probes differ by more than {MARKED_ABOVE - 1:.0%}",
            f"  SGEMM probe        {probe['median']:.0f} GFLOP/s ({probe['p10']:.0f}–{probe['p90']:.0f}); "
            f"adalora's step uses {share['median']:.0%} ({share['p10']:.0%}–{share['p90']:.0%}) of it; "
            f"PyTorch's own SGEMM {result['torchGflops']:.0f}",
            f"  peak memory        adalora {memory['ours'] / 2**20:,.0f} MiB, PEFT {memory['peft'] / 2**20:,.0f} MiB "
            f"(1/{memory['peft'] / memory['ours']:.1f})",
            f"  start to ready     adalora {ready['ours']:.2f} s, PEFT {ready['peft']:.2f} s "
            f"(1/{ready['peft'] / ready['ours']:.1f})",
            f"  … and 1st step     adalora {start['ours']:.2f} s, PEFT {start['peft']:.2f} s "
            f"(1/{start['peft'] / start['ours']:.1f})",
            f"  first loss         adalora {result['firstLoss']['ours']:.6f}, PEFT {result['firstLoss']['peft']:.6f}",
        ]
    )


def accuracy(truth: list[int], predicted: list[int]) -> float:
    return sum(t == p for t, p in zip(truth, predicted, strict=True)) / len(truth)


def macro_f1(truth: list[int], predicted: list[int]) -> float:
    """The mean F1 over the classes that occur in the truth or the predictions."""
    scores = []
    for label in set(truth) | set(predicted):
        both = sum(t == label == p for t, p in zip(truth, predicted, strict=True))
        scores.append(2 * both / (truth.count(label) + predicted.count(label)))
    return statistics.mean(scores)
