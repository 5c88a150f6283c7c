"""One user's fine-tuning as a directory: what to do, how far it is, and what came out.

    order.json        a `JobOrder`
    train.jsonl       samples to learn from
    validation.jsonl  samples that decide when to stop
    test.jsonl        samples held out, for the scores
    run.json          the status (`training.run_status`)
    stop              appears when the owner cancels
    adapter/          the adapter, in PEFT's format, with its checkpoint meanwhile
    answers.jsonl     what base and adapter answered to the held-out samples

Whoever runs it, a child process of the site or a Celery worker, calls `run_job`. Writing an order and reading
the status imports nothing heavy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from training.dataset_file import hold_out
from training.errors import TrainingStopped
from training.plan import read_plan
from training.progress import ShouldStop
from training.run_status import (
    FILE,
    Recorder,
    RunStatus,
    finished_card,
    read_status,
    recorded,
    write_json,
)
from training.sources import own_task
from training.synthetic import Sample
from training.tasks import Task, free_task
from training.tasks.free import PROMPT

ORDER, STOP, ADAPTER, ANSWERS = "order.json", "stop", "adapter", "answers.jsonl"
PARTS = ("train", "validation", "test")
SHARES = (0.05, 0.1)  # of the samples, for validation and test
MOST_TESTED = 100
MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class JobOrder:
    """`base` is a checkpoint directory, `config` and `overrides` make the plan, `metric_fn`, `labels` and
    `max_tokens` follow from the data (`describe`)."""

    name: str
    base: str
    config: str
    overrides: dict[str, Any] = field(default_factory=dict)
    metric_fn: str = "exact_match"
    labels: tuple[str, ...] = ()
    max_tokens: int = 128

    @property
    def task(self) -> Task:
        return free_task(
            "own",
            self.name,
            metric_fn=self.metric_fn,
            labels=tuple(self.labels),
            max_tokens=self.max_tokens,
        )


def describe(samples: Sequence[Sample]) -> dict[str, Any]:
    """What an order needs to know of the data; `training.sources.own_task` decides it."""
    task = own_task("own", samples)
    return {"metric_fn": task.metric_fn, "labels": task.labels, "max_tokens": task.max_tokens}


def write_job(directory: Path, order: JobOrder, samples: list[Sample]) -> dict[str, int]:
    """Lays the job out in `directory`; returns how many samples each part has. Raises `OSError` when the disk
    is full and `DatasetError` when there are too few samples."""
    parts = dict(zip(PARTS, hold_out(samples, SHARES), strict=True))
    directory.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        lines = (
            json.dumps({"variables": each.variables, "completion": each.completion}, ensure_ascii=False)
            for each in part
        )
        (directory / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_order(directory, order)
    return {name: len(part) for name, part in parts.items()}


def write_order(directory: Path, order: JobOrder) -> None:
    write_json(directory / ORDER, asdict(order))


def read_order(directory: Path) -> JobOrder:
    return JobOrder(**json.loads((directory / ORDER).read_text(encoding="utf-8")))


def cancel(directory: Path) -> None:
    """Asks for the end of the job, whether it has begun or not."""
    (directory / STOP).touch()


def resume(directory: Path) -> None:
    """Makes a job that was cancelled, or failed, ready to be run again from its checkpoint."""
    (directory / STOP).unlink(missing_ok=True)
    write_json(directory / FILE, asdict(replace(read_status(directory), state="waiting", message="")))


def run_job(directory: Path, device: str, should_stop: ShouldStop) -> RunStatus:
    """Trains and evaluates; goes on from a checkpoint, and does nothing to a job that is finished. Never
    raises. Stopped by the owner it ends as `stopped`, by `should_stop` as `waiting`, to be gone on with."""
    status = read_status(directory)
    if status.state == "finished":
        return status
    stop = directory / STOP
    recorder_of: list[Recorder] = []

    def work(recorder: Recorder) -> dict[str, Any]:
        recorder_of.append(recorder)
        if stop.exists():
            raise TrainingStopped("Cancelled before it began.", 0)
        return _train_and_score(directory, device, lambda: stop.exists() or should_stop(), recorder)

    status = recorded(directory, work)
    if status.state == "stopped" and not stop.exists():
        status = recorder_of[0].end("waiting")
    return status


def _train_and_score(
    directory: Path, device: str, should_stop: ShouldStop, recorder: Recorder
) -> dict[str, Any]:
    from training.examples import read_samples
    from training.finetune import finetune

    order = read_order(directory)
    train, validation, test = (read_samples(directory / f"{name}.jsonl") for name in PARTS)
    card = finished_card(directory / ADAPTER)  # an earlier attempt may have ended while it was scored
    if card is None:
        card = finetune(
            read_plan(order.config, order.task.id, **order.overrides),
            order.base,
            train,
            validation,
            directory / ADAPTER,
            device,
            task=order.task,
            on_progress=recorder,
            should_stop=should_stop,
        ).card
    recorder.take_card(card)
    recorder.phase("evaluating")
    data = card["data"]
    return {
        "seconds": card["seconds"],
        "best_step": card["best_step"],
        "stopped_early": card["stopped_early"],
        "cut": data["cut"],
        "left_out": data["left_out"],
        **_score(order, directory, test[:MOST_TESTED], device, lambda: recorder.phase("evaluating")),
    }


def _score(
    order: JobOrder, directory: Path, test: list[Sample], device: str, told: Callable[[], None]
) -> dict[str, Any]:
    """Base against adapter on samples that no step of the training has seen, through our engine. Answers that
    an earlier attempt gave are not asked for again."""
    from training.evaluate import evaluate

    task, answers = order.task, directory / ANSWERS
    (comparison,) = evaluate(
        Path(order.base),
        {task.id: directory / ADAPTER},
        {task.id: test},
        answers,
        device,
        tasks={task.id: task},
        told=lambda done, wanted: told(),
    )
    scores = comparison.to_manifest("")
    by_prompt: dict[str, dict[str, str]] = {}
    for row in map(json.loads, answers.read_text(encoding="utf-8").splitlines()):
        by_prompt.setdefault(row["variables"][PROMPT], {})[row["by"]] = row["output"]
    names = ("metric", "n", "base", "base_interval", "adapter", "adapter_interval")
    return {
        **{name: scores[name] for name in names},
        "examples": [
            {
                "prompt": sample.variables[PROMPT],
                "gold": sample.completion,
                **by_prompt[sample.variables[PROMPT]],
            }
            for sample in test
            if sample.variables[PROMPT] in by_prompt
        ][:MOST_SHOWN],
    }
