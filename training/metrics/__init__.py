"""How answers are scored: the paper's metrics in its own lenient reading and in a strict one."""

from training.metrics.paper import binary_accuracy_flex, gsm8k_regex, rouge
from training.metrics.readings import METRICS, READINGS, Metric, Reading, metric
from training.metrics.score import Score, score

__all__ = [
    "METRICS",
    "READINGS",
    "Metric",
    "Reading",
    "Score",
    "binary_accuracy_flex",
    "gsm8k_regex",
    "metric",
    "rouge",
    "score",
]
