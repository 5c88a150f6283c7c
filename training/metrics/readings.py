"""Every metric by the name that the tasks use, in both readings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from training.metrics import code, paper, strict

Metric = Callable[[str, str], float]
Reading = Literal["paper", "strict"]
READINGS: tuple[Reading, ...] = ("paper", "strict")

# Name: the paper's lenient reading, the strict one.
METRICS: dict[str, tuple[Metric, Metric]] = {
    "rouge": (paper.rouge, strict.normalised),
    "binary_accuracy_flex": (paper.binary_accuracy_flex, strict.exact),
    "mnli_accuracy": (paper.mnli_accuracy, strict.exact),
    "hellaswag_accuracy": (paper.hellaswag_accuracy, strict.exact),
    "mrpc_accuracy": (paper.mrpc_accuracy, strict.exact),
    "customer_support_accuracy": (paper.customer_support_accuracy, strict.exact),
    "arc_accuracy": (paper.accuracy, strict.exact),
    "winogrande_accuracy": (paper.accuracy, strict.exact),
    "covid_accuracy": (paper.accuracy, strict.exact),
    "mmlu_accuracy": (paper.accuracy, strict.exact),
    "stsb": (paper.stsb, strict.stsb),
    "dbpedia": (paper.dbpedia, strict.exact),
    "gsm8k_regex": (paper.gsm8k_regex, strict.gsm8k),
    "agnews_label": (paper.agnews_label, strict.agnews_label),
    "humaneval": (code.humaneval, code.humaneval_strict),
    "exact_match": (paper.accuracy, strict.exact),  # for users' own tasks
}


def metric(name: str, reading: Reading = "paper") -> Metric:
    """The metric in one of its readings. Raises `ValueError` for a name that is not here.

    `humaneval` runs its output as a program (see `training.metrics.sandbox`).
    """
    if name not in METRICS:
        raise ValueError(f"The metric {name} is not implemented; there are {', '.join(sorted(METRICS))}.")
    return METRICS[name][READINGS.index(reading)]
