"""The paper's metrics as its repository computes them, and scores with their uncertainty.

Every metric compares one output with one gold answer and gives a number from 0 to 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

Metric = Callable[[str, str], float]

# Which words mean true and false, in the order in which they are looked for.
_FLAGS = (("1", True), ("0", False), ("yes", True), ("no", False), ("true", True), ("false", False))
_FLAGS += (("positive", True), ("negative", False))
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@cache
def _rouge_scorer():
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=False)


def rouge(output: str, gold: str) -> float:
    """F-measure of rougeL: the longest common subsequence of lower-case words (Lin, 2004)."""
    return _rouge_scorer().score(gold, output)["rougeL"].fmeasure


def _flag(text: str) -> bool | None:
    found = set(re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.lower()))
    found |= {number[:1] for number in found if re.fullmatch(r"[01]\.0+", number)}
    return next((value for word, value in _FLAGS if word in found), None)


def binary_accuracy_flex(output: str, gold: str) -> float:
    """Whether both texts say the same of true and false; an output that says neither is wrong.

    Looks for 1, 0, yes, no, true, false, positive, negative as whole words, the first in this order counts.
    """
    said = _flag(output)
    return float(said is not None and said == _flag(gold))


def gsm8k_regex(output: str, gold: str) -> float:
    """Whether the last numbers of both texts are equal; thousands commas are ignored."""
    numbers = [_NUMBER.findall(text) for text in (output, gold)]
    if not all(numbers):
        return 0.0
    said, wanted = (float(found[-1].replace(",", "")) for found in numbers)
    return float(said == wanted)


METRICS: dict[str, Metric] = {
    "rouge": rouge,
    "binary_accuracy_flex": binary_accuracy_flex,
    "gsm8k_regex": gsm8k_regex,
}


def metric(name: str) -> Metric:
    """The metric of that name in the paper's repository. Raises `ValueError` for one that is not here."""
    if name not in METRICS:
        raise ValueError(f"The metric {name} is not implemented; there are {', '.join(sorted(METRICS))}.")
    return METRICS[name]


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
