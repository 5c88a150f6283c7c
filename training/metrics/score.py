"""A mean and how sure of it one may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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
    """Mean with a percentile bootstrap interval (Efron, 1979), the same for the same values."""
    if not len(values):
        raise ValueError("There is nothing to score.")
    array = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = rng.choice(array, size=(resamples, len(array))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Score(float(array.mean()), float(low), float(high), len(array))
