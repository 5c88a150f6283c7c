"""Where the examples come from: generators, published data, or a user's file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.dataset_file import Problem, hold_out, read_dataset
from training.errors import TrainingError
from training.plan import AdapterPlan
from training.published import file_samples, published_samples
from training.synthetic import GENERATORS, Sample, samples
from training.synthetic.samples import Split
from training.tasks import Task, free_task, load_tasks


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a fine-tuning needs. `problems` are rows of a user's file that were left out."""

    task: Task
    train: list[Sample]
    validation: list[Sample]
    problems: tuple[Problem, ...] = ()


def training_data(plan: AdapterPlan, data: str, validation: Path | None = None) -> TrainingData:
    """The samples that `data` names for the plan's task.

    `synthetic` are the miniature world's generators, `hub` the task's published data set. Otherwise it is a
    path: for a task of the paper files in its data set's columns (see `training.published`), for any other
    name a file of the user's own prompts and completions. `validation` is another such file; without it a
    tenth is held out. Raises `TrainingError` with the remedy.
    """
    tasks = load_tasks()
    if data == "synthetic":
        parts = (("train", plan.train_samples), ("validation", plan.validation_samples))
        train, held_out = (list(synthetic_samples(plan.task, split, n, plan.seed)) for split, n in parts)
        return TrainingData(tasks[plan.task], train, held_out)
    if plan.task in tasks:
        task, files = tasks[plan.task], None if data == "hub" else Path(data)
        if validation is not None and files is not None and files.is_file():
            train = file_samples(task, files, plan.train_samples)
        else:
            train = published_samples(task, "train", files, plan.train_samples)
        held_out = (
            file_samples(task, validation, plan.validation_samples)
            if validation
            else published_samples(task, "validation", files, plan.validation_samples)
        )
        return TrainingData(task, train, held_out)
    if data == "hub":
        raise TrainingError(f"There is no task {plan.task}; there are {', '.join(tasks)}.")
    everything, problems = read_dataset(Path(data))
    train, held_out, _ = hold_out(everything)  # the third part is for the evaluation
    if validation is not None:
        train += held_out
        held_out, more = read_dataset(validation)
        problems += more
    return TrainingData(own_task(plan.task, everything), train, held_out, tuple(problems))


def evaluation_data(name: str, data: str, count: int) -> tuple[Task, list[Sample]]:
    """A task and at most `count` samples that no training on the same `data` has seen.

    Of a user's own file that is a tenth, the same as long as the file is. Raises `TrainingError`.
    """
    tasks = load_tasks()
    if data == "synthetic":
        found = list(synthetic_samples(name, "test", count))
        return tasks[name], found
    if name in tasks:
        return tasks[name], published_samples(
            tasks[name], "test", None if data == "hub" else Path(data), count
        )
    if data == "hub":
        raise TrainingError(f"There is no task {name}; there are {', '.join(tasks)}.")
    everything, _ = read_dataset(Path(data))
    return own_task(name, everything), hold_out(everything)[2][:count]


def own_task(name: str, samples: Sequence[Sample]) -> Task:
    """The task of a user's file: a classification when the answers repeat, otherwise free text (rougeL). The
    answer's limit of tokens has room for the longest, at a byte a token."""
    answers = {sample.completion for sample in samples}
    longest = max(len(answer.encode()) for answer in answers)
    few = len(answers) <= max(2, min(50, len(samples) // 5))
    return free_task(
        name,
        metric_fn="exact_match" if few else "rouge",
        labels=tuple(sorted(answers)) if few else (),
        max_tokens=min(512, longest + 8),
    )


def synthetic_samples(task: str, split: Split, count: int, seed: int = 0) -> Iterator[Sample]:
    """As `training.synthetic.samples`, with the remedy for a task that has no generator."""
    if task not in GENERATORS:
        known = ", ".join(sorted(GENERATORS))
        raise TrainingError(
            f"There is no synthetic data for {task} (there is for {known}). Give --data hub, or --data FILE."
        )
    return samples(task, split, count, seed)
