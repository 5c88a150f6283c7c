"""The paper's fourteen measures of how hard a data set is.

The paper names them in its Figure 8 and defines none. What is settled here: an example's *input* is the
prompt as the model reads it, template included; its *output* is the completion; the example is both. Lengths
are in tokens of whatever tokenizer is given. Standard deviations are those of the population.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache

import numpy as np

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Complexity:
    """Lengths in tokens, similarity and compressibility from 0 to 1, `train_examples` as a count."""

    input_length_mean: float
    input_length_sd: float
    input_length_p95: float
    output_length_mean: float
    output_length_sd: float
    output_length_p95: float
    example_length_mean: float
    example_length_sd: float
    example_length_p95: float
    similarity_mean: float
    similarity_sd: float
    compressibility_mean: float
    compressibility_sd: float
    train_examples: int

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


HEURISTICS = tuple(field.name for field in fields(Complexity))
LABELS = {
    "input_length_mean": "input length, mean",
    "input_length_sd": "input length, sd",
    "input_length_p95": "input length, p95",
    "output_length_mean": "output length, mean",
    "output_length_sd": "output length, sd",
    "output_length_p95": "output length, p95",
    "example_length_mean": "example length, mean",
    "example_length_sd": "example length, sd",
    "example_length_p95": "example length, p95",
    "similarity_mean": "in/out similarity, mean",
    "similarity_sd": "in/out similarity, sd",
    "compressibility_mean": "compressibility, mean",
    "compressibility_sd": "compressibility, sd",
    "train_examples": "training examples",
}


@cache
def _rouge():
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=False)


def similarity(prompt: str, completion: str) -> float:
    """rougeL F-measure between input and output (Lin, 2004): how much they have in common."""
    return _rouge().score(prompt, completion)["rougeL"].fmeasure


def compressibility(text: str) -> float:
    """The share of an example's UTF-8 bytes that compression takes away: 1 − compressed / original.

    Higher is more repetitive. The compressor is DEFLATE at level 9 in a zlib wrapper of six bytes, so that a
    very short text can come out below zero; it counts as 0. The paper states neither its compressor nor the
    direction of its ratio.
    """
    original = text.encode()
    if not original:
        return 0.0
    return max(0.0, 1 - len(zlib.compress(original, 9)) / len(original))


def complexity(
    examples: Sequence[tuple[str, str]], count_tokens: CountTokens, train_examples: int | None = None
) -> Complexity:
    """The fourteen heuristics of (prompt, completion) pairs.

    `train_examples` is the size of the training split when `examples` are only a sample of it. Raises
    `ValueError` when there are no examples.
    """
    if not examples:
        raise ValueError("Complexity needs at least one example; the data set is empty.")
    inputs = np.array([count_tokens(prompt) for prompt, _ in examples])
    outputs = np.array([count_tokens(completion) for _, completion in examples])
    similarities = np.array([similarity(*pair) for pair in examples])
    ratios = np.array([compressibility(prompt + completion) for prompt, completion in examples])
    return Complexity(
        *_mean_sd_p95(inputs),
        *_mean_sd_p95(outputs),
        *_mean_sd_p95(inputs + outputs),
        *_mean_sd_p95(similarities)[:2],
        *_mean_sd_p95(ratios)[:2],
        train_examples=len(examples) if train_examples is None else train_examples,
    )


def _mean_sd_p95(values: np.ndarray) -> tuple[float, float, float]:
    return float(values.mean()), float(values.std()), float(np.percentile(values, 95))
