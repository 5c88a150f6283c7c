"""The figures that the paper publishes, as tables: scores, tasks, means and correlations.

`scores.csv` is Table 12 (ten bases before and after tuning; GPT-3.5 and GPT-4 as prompted), `tasks.csv` is
Figure 2, `means.csv` is Table 4, `correlations.csv` is Figure 8, all of arXiv 2405.00732.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

DATA = Path(__file__).parent
PROMPTED = ("gpt-3.5-turbo", "gpt-4")


@dataclass(frozen=True, slots=True)
class ModelScore:
    """One model's scores, 0 to 1; `tuned` is None for the two that were only prompted."""

    base: float
    tuned: float | None


@dataclass(frozen=True, slots=True)
class PublishedTask:
    """What Figure 2 says of a task: lengths of its examples in tiktoken tokens, and its splits."""

    id: str
    category: str
    metric: str
    tokens_min: int
    tokens_max: int
    tokens_p95: int
    train: int


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def paper_scores() -> Mapping[str, Mapping[str, ModelScore]]:
    """Scores by task and model."""
    scores: dict[str, dict[str, ModelScore]] = {}
    for row in _rows("scores.csv"):
        tuned = float(row["tuned"]) if row["tuned"] else None
        scores.setdefault(row["task"], {})[row["model"]] = ModelScore(float(row["base"]), tuned)
    return MappingProxyType(scores)


@cache
def tuned_models() -> tuple[str, ...]:
    """The ten bases that were fine-tuned, in the order of Table 12."""
    first = next(iter(paper_scores().values()))
    return tuple(model for model in first if model not in PROMPTED)


@cache
def published_tasks() -> Mapping[str, PublishedTask]:
    numbers = ("tokens_min", "tokens_max", "tokens_p95", "train")
    return MappingProxyType(
        {
            row["task"]: PublishedTask(
                row["task"], row["category"], row["metric"], *(int(row[name]) for name in numbers)
            )
            for row in _rows("tasks.csv")
        }
    )


@cache
def published_means() -> Mapping[str, ModelScore]:
    """Table 4: each model's means over the 31 tasks."""
    return MappingProxyType(
        {
            row["model"]: ModelScore(float(row["base"]), float(row["tuned"]) if row["tuned"] else None)
            for row in _rows("means.csv")
        }
    )


@cache
def published_correlations() -> Mapping[str, Mapping[str, float]]:
    """Figure 8: for each heuristic, and each outcome itself, its correlation with each outcome."""
    return MappingProxyType(
        {
            row["signal"]: {name: float(value) for name, value in row.items() if name != "signal"}
            for row in _rows("correlations.csv")
        }
    )
