"""Scores a base and its adapters through our own engine, all of them in mixed batches."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from inference import Engine, EngineConfig, GenerationRequest, SamplingParams
from training.metrics import Score, metric, score
from training.synthetic import Sample
from training.tasks import Task, load_tasks


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores of one task with the task's metric, without and with its adapter."""

    task: Task
    base: Score
    adapter: Score

    @property
    def lift(self) -> float:
        return self.adapter.mean - self.base.mean

    def to_manifest(self, command: str) -> dict[str, object]:
        """The form in which `world.json` keeps it."""
        return {
            "metric": self.task.metric,
            "n": self.adapter.n,
            "base": round(self.base.mean, 4),
            "base_interval": [round(self.base.low, 4), round(self.base.high, 4)],
            "adapter": round(self.adapter.mean, 4),
            "adapter_interval": [round(self.adapter.low, 4), round(self.adapter.high, 4)],
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.system()} {platform.machine()}, CPU",
            "command": command,
        }


def evaluate(
    base: Path,
    adapters: Mapping[str, Path],
    data: Mapping[str, Sequence[Sample]],
    log: TextIO | None = None,
    device: str = "cpu",
) -> list[Comparison]:
    """Answers every sample of `data` (by task) greedily, once by the base and once by the task's adapter.

    Requests of all tasks are interleaved, so most batches hold the base and every adapter. `log` gets one
    JSON line per answer. Raises `ValueError` for a task whose metric is not implemented.
    """
    tasks = load_tasks()
    metrics = {task: metric(tasks[task].metric_fn) for task in data}
    work = list(_interleaved(data))
    requests = [
        GenerationRequest(
            prompt=tasks[task].render(sample.variables),
            adapter=adapter,
            sampling=SamplingParams(
                temperature=0, max_tokens=tasks[task].max_tokens, stop=tasks[task].stop, seed=0
            ),
        )
        for task, sample, adapter in work
    ]
    values: dict[tuple[str, str | None], list[float]] = {}
    with Engine(EngineConfig(model=base, device=device)) as engine:
        for task in data:
            engine.load_adapter(task, adapters[task])
        outputs = engine.generate(requests)
    for output in outputs:
        if output.error is not None:  # an answer that was never given must not count as a wrong one
            raise output.error
    for (task, sample, adapter), output in zip(work, outputs, strict=True):
        value = metrics[task](output.text, sample.completion)
        values.setdefault((task, adapter), []).append(value)
        if log:
            row = {
                "task": task,
                "adapter": adapter,
                "variables": sample.variables,
                "gold": sample.completion,
                "output": output.text,
                "finish_reason": output.finish_reason,
                "score": round(value, 4),
            }
            log.write(json.dumps(row, ensure_ascii=False) + "\n")
    return [Comparison(tasks[task], score(values[task, None]), score(values[task, task])) for task in data]


def _interleaved(data: Mapping[str, Sequence[Sample]]) -> Iterable[tuple[str, Sample, str | None]]:
    for position in range(max(map(len, data.values()), default=0)):
        for task, samples in data.items():
            if position < len(samples):
                yield task, samples[position], None
                yield task, samples[position], task


def table(comparisons: Sequence[Comparison]) -> str:
    """A Markdown table of the scores."""
    rows = ["| task | metric | n | base | adapter | lift |", "|---|---|---|---|---|---|"]
    rows += [
        f"| {each.task.id} | {each.task.metric} | {each.adapter.n} "
        f"| {each.base} | {each.adapter} | {each.lift:+.3f} |"
        for each in comparisons
    ]
    return "\n".join(rows)
