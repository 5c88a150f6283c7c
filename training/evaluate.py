"""Scores a base, its adapters and any endpoint on the same samples, side by side."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference import RequestError
from training.answer_store import AnswerStore
from training.base_source import BaseSource
from training.endpoint import Endpoint
from training.engine_answers import adapter_identity, engine_answers
from training.errors import TrainingError
from training.metrics import READINGS, Reading, Score, metric, score
from training.questions import ADAPTER, BASE, Question, questions
from training.synthetic import Sample
from training.tasks import Task, load_tasks

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One task's scores: for `base`, `adapter` and each endpoint's model, in both readings of the metric.
    `left_out` samples were longer than the base's context and are scored for nobody."""

    task: Task
    scores: Mapping[str, Mapping[Reading, Score]]
    device: str = "cpu"
    left_out: int = 0

    @property
    def base(self) -> Score:
        return self.scores[BASE]["paper"]

    @property
    def adapter(self) -> Score:
        return self.scores[ADAPTER]["paper"]

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
            "strict": {by: round(self.scores[by]["strict"].mean, 4) for by in (BASE, ADAPTER)},
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.system()} {platform.machine()}, {_kind(self.device)}",
            "command": command,
        }


def evaluate(
    base: Path,
    adapters: Mapping[str, Path],
    data: Mapping[str, Sequence[Sample]],
    log: Path | None = None,
    device: str = "cpu",
    *,
    tasks: Mapping[str, Task] | None = None,
    endpoint: Endpoint | None = None,
    cache: Path | None = None,
    run_code: bool = False,
    told: Told | None = None,
) -> list[Comparison]:
    """Answers every sample of `data` (by task) greedily by the base, by the task's adapter where `adapters`
    has one, and by `endpoint`.

    `log` gets one JSON line per answer as it comes; answers that it holds already are not asked for again,
    unless base, adapter, prompt or limits have changed. `cache` is such a file for the endpoint's answers.
    `tasks` defines tasks that are not the paper's. Programs that answer `humaneval` tasks are run only with
    `run_code`. `told` is called with answers done and wanted.

    Raises `TrainingError` with the remedy; what was answered until then is in the files.
    """
    known = {**load_tasks(), **(tasks or {})}
    check_metrics([known[name] for name in data], run_code)
    source = BaseSource.of(base)
    base_identity = source.fingerprint()
    who = {
        name: {
            BASE: base_identity,
            **({ADAPTER: base_identity + adapter_identity(adapters[name])} if name in adapters else {}),
        }
        for name in data
    }
    asked = list(questions(known, data, who))
    extra = [
        Question(known[name], sample, endpoint.model, endpoint.identity, position)
        for name, samples in (data.items() if endpoint else ())
        for position, sample in enumerate(samples)
    ]
    total = len(asked) + len(extra)
    with AnswerStore(log) as store, AnswerStore(cache) as cached:
        scorer = _Scorer(store, told, total)
        scorer.take_known(asked)
        open_questions = [question for question in asked if question.key not in store]
        if open_questions:
            directory = source.local_directory()
            for question, answer in engine_answers(directory, _used(adapters, data), open_questions, device):
                if isinstance(answer, RequestError):
                    scorer.leave_out(question, answer)
                else:
                    scorer.take(question, answer.text, answer.finish_reason)
        if endpoint:
            scorer.take_known(extra)
            left = [question for question in extra if question.key not in store]
            for question in left:
                if question.key in cached:
                    scorer.take(
                        question, cached[question.key]["output"], cached[question.key]["finish_reason"]
                    )
            left = [question for question in left if question.key not in cached]
            for question, text, reason in endpoint.answers(left):
                cached.add(question.key, {"model": endpoint.model, "output": text, "finish_reason": reason})
                scorer.take(question, text, reason)
        return [scorer.comparison(known[name], device) for name in data]


def check_metrics(tasks: Sequence[Task], run_code: bool) -> None:
    """Raises `TrainingError` for tasks that cannot be scored, before anything is asked."""
    for task in tasks:
        if task.metric_fn == "humaneval" and not run_code:
            raise TrainingError(
                f"{task.id} is scored by running the programs that the models write. Allow it with "
                "--run-code (docs/training.md says what that protects from), or leave the task out."
            )
        try:
            metric(task.metric_fn)
        except ValueError as error:
            raise TrainingError(f"{task.id}: {error}") from error


class _Scorer:
    """Scores answers as they come, writes their lines, and keeps the values by task and by whom."""

    def __init__(self, store: AnswerStore, told: Told | None, total: int):
        self._store, self._told, self._total = store, told, total
        self._done = 0
        self._values: dict[tuple[str, str], dict[int, dict[Reading, float]]] = {}
        self._left_out: dict[str, set[int]] = {}

    def take_known(self, asked: Sequence[Question]) -> None:
        for question in asked:
            if question.key in self._store:
                self._count(question, self._store[question.key]["output"])

    def take(self, question: Question, output: str, finish_reason: str) -> None:
        values = self._count(question, output)
        row = {
            "task": question.task.id,
            "by": question.by,
            "variables": question.sample.variables,
            "gold": question.sample.completion,
            "output": output,
            "finish_reason": finish_reason,
            "score": round(values["paper"], 4),
            "strict": round(values["strict"], 4),
        }
        if question.key not in self._store:
            self._store.add(question.key, row)

    def leave_out(self, question: Question, error: RequestError) -> None:
        if error.code != "prompt_too_long":
            raise TrainingError(
                f"Sample {question.position + 1} of {question.task.id} cannot be asked: {error.message}"
            ) from error
        self._left_out.setdefault(question.task.id, set()).add(question.position)
        self._step()

    def _count(self, question: Question, output: str) -> dict[Reading, float]:
        gold, name = question.gold, question.task.metric_fn
        values: dict[Reading, float] = {reading: metric(name, reading)(output, gold) for reading in READINGS}
        self._values.setdefault((question.task.id, question.by), {})[question.position] = values
        self._step()
        return values

    def _step(self) -> None:
        self._done += 1
        if self._told is not None:
            self._told(self._done, self._total)

    def comparison(self, task: Task, device: str) -> Comparison:
        left_out = self._left_out.get(task.id, set())
        scores = {}
        for (name, by), values in self._values.items():
            kept = [each for position, each in sorted(values.items()) if position not in left_out]
            if name == task.id and kept:
                scores[by] = {reading: score([each[reading] for each in kept]) for reading in READINGS}
        if not scores:
            raise TrainingError(
                f"No sample of {task.id} fits the base's context; choose a base that reads longer texts."
            )
        order = {BASE: 0, ADAPTER: 1}
        ordered = {by: scores[by] for by in sorted(scores, key=lambda by: order.get(by, 2))}
        return Comparison(task, ordered, device, len(left_out))


def _used(adapters: Mapping[str, Path], data: Mapping[str, Any]) -> dict[str, Path]:
    return {name: adapters[name] for name in data if name in adapters}


def _kind(device: str) -> str:
    if not device.startswith("cuda"):
        return "CPU"
    import torch

    return torch.cuda.get_device_name(device)


def table(comparisons: Sequence[Comparison]) -> str:
    """A Markdown table of the scores in the paper's reading, the strict mean in brackets behind each."""
    names = list(dict.fromkeys(by for each in comparisons for by in each.scores))
    lifted = {BASE, ADAPTER} <= set(names)
    heads = ["task", "metric", "n", *names, *(["lift"] if lifted else [])]
    rows = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for each in comparisons:
        cells = [each.task.id, each.task.metric, str(next(iter(each.scores.values()))["paper"].n)]
        for name in names:
            found = each.scores.get(name)
            cells.append(f"{found['paper']} (strict {found['strict'].mean:.3f})" if found else "")
        if lifted:
            cells.append(f"{each.lift:+.3f}" if {BASE, ADAPTER} <= set(each.scores) else "")
        rows.append(f"| {' | '.join(cells)} |")
    for each in comparisons:
        if each.left_out:
            rows.append(
                f"\n{each.task.id}: {each.left_out} samples are longer than the context and left out."
            )
    return "\n".join(rows)
