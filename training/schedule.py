"""The learning rate of all trainings here: linear warm-up, then a half cosine."""

from __future__ import annotations

import math


def learning_rate_factor(step: int, steps: int, warmup: float, floor: float = 0.0) -> float:
    """The share of the peak rate at `step` (from 0) of `steps`; `warmup` is a share of the steps."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    progress = (step - rising) / max(1, steps - rising)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
