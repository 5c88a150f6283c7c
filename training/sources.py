"""Where the examples of a fine-tuning come from: generators, data sets, or a user's file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.dataset_file import hold_out, read_dataset
from training.errors import TrainingError
from training.plan import AdapterPlan
from training.synthetic import GENERATORS, Sample, samples
from training.tasks import Task, free_task, load_tasks


@dataclass(frozen=True, slots=True)
class TrainingData:
    task: Task
    train: list[Sample]
    validation: list[Sample]


def training_data(plan: AdapterPlan, data: str, validation: Path | None = None) -> TrainingData:
    """The samples that `data` names. Raises `TrainingError` with the remedy."""
    if data == "synthetic":
        if plan.task not in GENERATORS:
            raise TrainingError(f"There is no synthetic data for {plan.task}; give --data.")
        parts = (("train", plan.train_samples), ("validation", plan.validation_samples))
        train, held_out = (list(samples(plan.task, split, n, plan.seed)) for split, n in parts)
        return TrainingData(load_tasks()[plan.task], train, held_out)
    train, _ = read_dataset(Path(data))
    if validation is not None:
        held_out, _ = read_dataset(validation)
    else:
        train, held_out = hold_out(train, (0.1,), plan.seed)
    return TrainingData(free_task(plan.task), train, held_out)
