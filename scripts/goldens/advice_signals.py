"""Goldens of the figures that adalora advise makes of spectra and halves, by numpy: Tests/Goldens/advice/signals.json."""

import json
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent.parent / "Tests" / "Goldens" / "advice"


def mean_ranks(values: np.ndarray) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = np.arange(1, len(values) + 1)
    for value in np.unique(values):
        ranks[values == value] = ranks[values == value].mean()
    return ranks


def spectrum(matrix: np.ndarray) -> dict:
    values = np.linalg.svd(matrix, compute_uv=False).astype(np.float32)
    energy = values.astype(np.float64) ** 2
    share = energy / energy.sum()
    kept = np.cumsum(np.sort(energy)[::-1]) / energy.sum()
    return {
        "values": values.tolist(),
        "effectiveRank": float(np.exp(-(share * np.log(share)).sum())),
        "stableRank": float(energy.sum() / energy.max()),
        "kept90": int(np.searchsorted(kept, 0.9) + 1),
        "keptShares": kept.tolist(),
    }


def halves(random: np.random.Generator, directions: int) -> dict:
    """Two noisy gradients of one low-rank truth: cosine and confirmed directions of all singular vectors of the first."""
    truth = sum(3 * np.outer(random.normal(size=24), random.normal(size=16)) for _ in range(directions))
    one, other = [(truth + random.normal(size=(24, 16)) * 4).astype(np.float32) for _ in range(2)]
    u, _, vt = np.linalg.svd(one.astype(np.float64), full_matrices=False)
    projections = u.T @ other @ vt.T
    off = projections[~np.eye(len(projections), dtype=bool)]
    noise = np.sqrt((off**2).mean())
    return {
        "one": one.ravel().tolist(), "other": other.ravel().tolist(), "rows": 24, "columns": 16,
        "cosine": float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other)),
        "aligned": int((np.diag(projections) > 3 * noise).sum()),
        "nearest": float(np.abs(np.diag(projections) - 3 * noise).min() / noise),
    }


def ranking(random: np.random.Generator) -> dict:
    one = np.round(random.normal(size=40), 1)
    other = np.round(one + random.normal(size=40), 1)
    a, b = mean_ranks(one), mean_ranks(other)
    return {"one": one.tolist(), "other": other.tolist(), "correlation": float(np.corrcoef(a, b)[0, 1])}


def losses(random: np.random.Generator) -> dict:
    folds = random.normal(size=(2, 8)) + 3
    weights = np.full(8, 12.0)
    difference = folds[0] - folds[1]
    return {
        "one": folds[0].tolist(), "other": folds[1].tolist(), "weights": weights.tolist(),
        "difference": float(difference.mean()), "error": float(difference.std(ddof=1) / np.sqrt(8)),
    }


def main() -> None:
    random = np.random.default_rng(26)
    OUT.mkdir(parents=True, exist_ok=True)
    counts = [500, 300, 150, 50]
    share = np.array(counts) / sum(counts)
    golden = {
        "spectra": [spectrum(random.normal(size=(20, 12))), spectrum(np.outer(np.ones(9), np.arange(1, 8)) + 0.1 * random.normal(size=(9, 7)))],
        "halves": [halves(random, count) for count in (0, 3, 6)],
        "rankings": [ranking(random) for _ in range(3)],
        "losses": losses(random),
        "labels": {"counts": counts, "bits": float(-sum(counts) * (share * np.log2(share)).sum())},
    }
    (OUT / "signals.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
