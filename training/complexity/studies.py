"""The two places where heuristics meet scores: the paper's tables, and the miniature world."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from training.complexity.heuristics import HEURISTICS, LABELS, complexity
from training.complexity.statistics import (
    Prediction,
    Table,
    correlations,
    leave_one_out,
    leave_one_out_mean,
)
from training.paper import paper_scores, published_tasks, tuned_models

LEAST_SQUARES = (0.0,)
RIDGE = (0.1, 1.0, 10.0, 100.0)
SIGNAL_LABELS = LABELS | {"example_length_min": "shortest example", "example_length_max": "longest example"}
OUTCOME_LABELS = {
    "gpt4": "GPT-4",
    "max_lift_over_gpt4": "best lift over GPT-4",
    "mean_lift": "mean lift",
    "best_base": "best base",
    "mean_base": "mean base",
    "best_tuned": "best tuned",
    "mean_tuned": "mean tuned",
    "base": "base",
    "tuned": "tuned",
    "lift": "lift",
}


@dataclass(frozen=True)
class Study:
    """Tasks with their signals and outcomes, in one order. `base` names the outcome that is the base's score,
    `targets` are the outcomes that the linear model predicts."""

    name: str
    tasks: tuple[str, ...]
    signals: Table
    outcomes: Table
    base: str
    targets: tuple[str, ...]

    @cached_property
    def correlations(self) -> dict[str, dict[str, float | None]]:
        return correlations(self.signals, self.outcomes)

    @property
    def inputs(self) -> Table:
        """What the linear model gets: signals that vary; lengths and counts, which spread over orders of
        magnitude, as logarithms."""
        return {
            name: list(map(math.log1p, values)) if "length" in name or "examples" in name else values
            for name, values in self.signals.items()
            if len(set(values)) > 1
        }

    def predict(self, target: str, *, with_base: bool, penalties: tuple[float, ...]) -> Prediction:
        """Leave-one-out predictions of `target`, with the base's score among the inputs or without it."""
        inputs = dict(self.inputs)
        if with_base:
            inputs[self.base] = self.outcomes[self.base]
        return leave_one_out(inputs, self.outcomes[target], penalties)

    def yardstick(self, target: str) -> Prediction:
        return leave_one_out_mean(self.outcomes[target])


def paper_study() -> Study:
    """The 31 tasks with the columns that the paper prints: example lengths, training rows and all scores."""
    scores, published = paper_scores(), published_tasks()
    tasks = tuple(scores)
    rows = [published[task] for task in tasks]
    signals = {
        "example_length_min": [float(row.tokens_min) for row in rows],
        "example_length_p95": [float(row.tokens_p95) for row in rows],
        "example_length_max": [float(row.tokens_max) for row in rows],
        "train_examples": [float(row.train) for row in rows],
    }
    return Study(
        name="paper",
        tasks=tasks,
        signals=signals,
        outcomes=paper_outcomes(tasks),
        base="mean_base",
        targets=("mean_tuned", "mean_lift", "best_tuned"),
    )


def paper_outcomes(tasks: tuple[str, ...]) -> dict[str, list[float]]:
    """The seven quality columns of Figure 8, from Table 12."""
    scores, models = paper_scores(), tuned_models()
    base = {task: [scores[task][model].base for model in models] for task in tasks}
    tuned = {task: [scores[task][model].tuned or 0.0 for model in models] for task in tasks}
    gpt4 = {task: scores[task]["gpt-4"].base for task in tasks}

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    return {
        "gpt4": [gpt4[task] for task in tasks],
        "max_lift_over_gpt4": [max(tuned[task]) - gpt4[task] for task in tasks],
        "mean_lift": [mean(tuned[task]) - mean(base[task]) for task in tasks],
        "best_base": [max(base[task]) for task in tasks],
        "mean_base": [mean(base[task]) for task in tasks],
        "best_tuned": [max(tuned[task]) for task in tasks],
        "mean_tuned": [mean(tuned[task]) for task in tasks],
    }


def world_study(world: Path, examples: int = 1000) -> Study:
    """The world's adapters that have measured scores, with all fourteen heuristics.

    They are taken over `examples` of each training split, in tokens of the world's own tokenizer; how many
    examples an adapter was trained on stands in its training card. Raises `ValueError` for a world without
    measured scores and `OSError` for one that cannot be read.
    """
    from tokenizers import Tokenizer

    from training.synthetic import samples
    from training.tasks import load_tasks
    from training.world import read_measured

    measured = read_measured(world)
    if not measured:
        raise ValueError(f"{world} has no measured scores. Run: python -m training evaluate --write")
    tokenizer = Tokenizer.from_file(str(world / "base" / "tokenizer.json"))
    definitions, rows = load_tasks(), []
    tasks = tuple(sorted(measured))
    for task in tasks:
        pairs = [
            (definitions[task].render(each.variables), each.completion)
            for each in samples(task, "train", examples)
        ]
        rows.append(complexity(pairs, lambda text: len(tokenizer.encode(text)), trained_on(world, task)))
    signals = {name: [float(row.to_dict()[name]) for row in rows] for name in HEURISTICS}
    outcomes = {
        "base": [measured[task]["base"] for task in tasks],
        "tuned": [measured[task]["adapter"] for task in tasks],
        "lift": [measured[task]["adapter"] - measured[task]["base"] for task in tasks],
    }
    return Study("miniature", tasks, signals, outcomes, "base", ("lift", "tuned"))


def trained_on(world: Path, task: str) -> int:
    """How many examples the task's adapter was trained on, from its training card."""
    card: Mapping = json.loads((world / "adapters" / task / "training_card.json").read_text())
    return int(card["data"]["samples"])
