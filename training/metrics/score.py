"""A mean and how sure of it one may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLOCK = 2**21  # values drawn at a time: 16 MB of them, and as much of their positions


@dataclass(frozen=True, slots=True)
class Score:
    """Mean of `n` values and its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def score(values: Sequence[float], resamples: int = 2000, seed: int = 0) -> Score:
    """Mean with a percentile bootstrap interval (Efron, 1979), the same for the same values.

    Of n equal values the interval is a point, whatever n: there is nothing else to draw. By the rule of three
    the truth may then still be 3/n away.
    """
    if not len(values):
        raise ValueError("There is nothing to score.")
    array = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    rows = max(1, BLOCK // len(array))
    sizes = [min(rows, resamples - done) for done in range(0, resamples, rows)]
    means = np.concatenate([rng.choice(array, size=(size, len(array))).mean(axis=1) for size in sizes])
    low, high = np.quantile(means, (0.025, 0.975))
    return Score(float(array.mean()), float(low), float(high), len(array))
