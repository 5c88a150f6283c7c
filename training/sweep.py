"""The grid: every task on every base, each run in a directory whose name says what it is.

A run's identity is the hash of its plan, and of the content of its base and data. A finished one is known
by its training card, an interrupted one goes on from its checkpoint; so a grid can be handed out again at any
time, to any worker.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from training.base_source import BaseSource
from training.errors import TrainingError
from training.plan import AdapterPlan, read_plan
from training.progress import ShouldStop
from training.run_status import (
    FILE,
    Recorder,
    RunStatus,
    finished_card,
    is_silent,
    read_status,
    recorded,
    write_json,
)
from training.tasks import load_tasks


@dataclass(frozen=True, slots=True)
class GridRun:
    """One cell of the grid. `root` is the grid's directory, `data` as `finetune --data` takes it. `content`
    is `content_of` base and data at the time when the grid was read."""

    task: str
    base: str
    config: str
    data: str
    root: str
    overrides: dict[str, Any] = field(default_factory=dict)
    content: str = ""

    @property
    def plan(self) -> AdapterPlan:
        return read_plan(self.config, self.task, **self.overrides)

    @property
    def identity(self) -> str:
        """SHA-256 of everything that decides the result."""
        what = {
            "plan": asdict(self.plan),
            "base": self.base,
            "data": self.data,
            "content": self.content,
        }
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

    @property
    def directory(self) -> Path:
        base = re.sub(r"[^A-Za-z0-9.-]+", "-", self.base).strip("-").lower()
        return Path(self.root) / base / f"{self.task}-{self.identity[:12]}"

    @property
    def finished(self) -> bool:
        return finished_card(self.directory) is not None

    def forget_failure(self) -> None:
        """Makes a failed run a waiting one, before it is tried again."""
        status = read_status(self.directory)
        if status.state == "failed":
            write_json(self.directory / FILE, asdict(replace(status, state="waiting", message="")))

    def status(self) -> RunStatus:
        """What is on disk says: finished with card and weights, or whatever its run file tells. A run whose
        process fell silent is waiting again."""
        status = read_status(self.directory)
        if self.finished:
            return RunStatus("finished", step=status.step, steps=status.steps, loss=status.loss)
        if status.state in ("finished", "stopped") or (
            status.state == "running" and is_silent(self.directory)
        ):
            return RunStatus("waiting", step=status.step, steps=status.steps)
        return status


def content_of(base: str, data: str) -> str:
    """SHA-256 of the base and of the files of examples, as they are now. A hub's base stands for itself by
    its revision, and so do generators and the hub's data by their names. Raises `TrainingError` for what is
    not there or cannot be read."""
    digest = hashlib.sha256()
    try:
        digest.update(BaseSource.of(base).fingerprint().encode())
        if data not in ("synthetic", "hub"):
            path = Path(data)
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if not file.is_dir():
                    with file.open("rb") as opened:
                        of_file = hashlib.file_digest(opened, "sha256").hexdigest()
                    digest.update(f"\n{file.relative_to(path).as_posix()} {of_file}".encode())
    except OSError as error:
        raise TrainingError(f"{error.filename} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Grid:
    runs: tuple[GridRun, ...]


KEYS = {"out", "config", "data", "bases", "tasks", "overrides"}


def read_grid(path: Path) -> Grid:
    """The runs that a TOML file describes: `bases` × `tasks`, with one `config` and its `overrides`.

    `tasks = "paper"` stands for the 31 of the paper. Paths count from the current directory. Raises
    `TrainingError` for a file that does not say a grid; every plan is checked.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} is not a TOML file: {error}.") from error
    if unknown := sorted(set(data) - KEYS):
        raise TrainingError(f"{path} sets {', '.join(unknown)}; a grid has {', '.join(sorted(KEYS))}.")
    if missing := sorted({"out", "bases", "tasks"} - set(data)):
        raise TrainingError(f"{path} does not say {', '.join(missing)}.")
    _check_kinds(path, data)
    known = load_tasks()
    tasks = [task.id for task in known.values() if task.paper] if data["tasks"] == "paper" else data["tasks"]
    if strangers := sorted(set(tasks) - set(known)):
        raise TrainingError(f"{path} names {', '.join(strangers)}; the tasks are {', '.join(known)}.")
    bases = list(dict.fromkeys(data["bases"]))
    contents = {base: _content(path, base, data.get("data", "synthetic")) for base in bases}
    runs = [
        GridRun(
            task=task,
            base=base,
            config=data.get("config", "paper"),
            data=data.get("data", "synthetic"),
            root=data["out"],
            overrides=data.get("overrides", {}),
            content=contents[base],
        )
        for base in bases
        for task in dict.fromkeys(tasks)
    ]
    for run in runs:
        _check_plan(path, run)
    return Grid(tuple(runs))


def _check_kinds(path: Path, data: dict[str, Any]) -> None:
    for name in ("out", "config", "data"):
        if not isinstance(data.get(name, ""), str):
            raise TrainingError(f"{path}: {name} must be a text in quotation marks.")
    for name, example in (("bases", '["mistralai/Mistral-7B-v0.1"]'), ("tasks", '["viggo"], or "paper"')):
        given = data[name]
        if name == "tasks" and given == "paper":
            continue
        if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
            raise TrainingError(f"{path}: {name} must be a list of names in brackets, such as {example}.")
    if not isinstance(data.get("overrides", {}), dict):
        raise TrainingError(f"{path}: overrides must be a table, such as {{ steps = 100 }}.")


def _content(path: Path, base: str, data: str) -> str:
    try:
        return content_of(base, data)
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error


def _check_plan(path: Path, run: GridRun) -> None:
    """Raises `TrainingError` that names the configuration for what is wrong there, and the grid for what is
    wrong in its overrides."""
    plan = read_plan(run.config, run.task)
    known = [each.name for each in fields(plan) if each.name != "task"]
    if unknown := sorted(set(run.overrides) - set(known)):
        raise TrainingError(
            f"{path}: overrides sets {', '.join(unknown)}, which is not one of {', '.join(known)}."
        )
    try:
        replace(plan, **run.overrides)
    except (TypeError, TrainingError) as error:
        raise TrainingError(f"{path}: the overrides do not fit: {error}") from error


def carry_out(run: GridRun, device: str, should_stop: ShouldStop, attempt: str = "") -> RunStatus:
    """Trains one run to its end, or from its checkpoint on; does nothing to a finished one. Never raises:
    how it ended is in the status that is returned and on disk. `attempt` names the worker in the run's
    history."""
    if run.finished:
        return run.status()

    def work(recorder: Recorder) -> dict[str, Any]:
        from training.finetune import finetune
        from training.sources import training_data

        if content_of(run.base, run.data) != run.content:
            raise TrainingError(
                f"{run.base} or {run.data} is not, on this machine, what it was when the grid was handed "
                "out. Make them the same everywhere and start the sweep again."
            )
        data = training_data(run.plan, run.data)
        trained = finetune(
            run.plan,
            run.base,
            data.train,
            data.validation,
            run.directory,
            device,
            task=data.task,
            on_progress=recorder,
            should_stop=should_stop,
            unserved=True,
        )
        return {"validation": asdict(trained.validation)}

    _note(run, attempt, "began")
    status = recorded(run.directory, work)
    _note(run, attempt, status.state)
    return status


def _note(run: GridRun, attempt: str, what: str) -> None:
    """One line of the run's history: who did what. Appended, so that attempts of all workers are there."""
    run.directory.mkdir(parents=True, exist_ok=True)
    with (run.directory / "history.jsonl").open("a", encoding="utf-8") as history:
        history.write(json.dumps({"worker": attempt, "event": what}) + "\n")


STATES = ("waiting", "running", "finished", "failed")


def table(runs: Iterable[GridRun]) -> str:
    """States counted by base, then what is running and what has failed."""
    counts: dict[str, dict[str, int]] = {}
    lines: list[str] = []
    for run in runs:
        status = run.status()
        row = counts.setdefault(run.base, dict.fromkeys(STATES, 0))
        row[status.state] += 1
        if status.state == "running":
            lines.append(f"running  {run.task} on {run.base}: {_progress(status)}")
        elif status.state == "failed":
            lines.append(f"failed   {run.task} on {run.base}: {status.message}")
    width = max((len(base) for base in counts), default=4)
    head = f"{'base':{width}}" + "".join(f"{state:>10}" for state in STATES)
    rows = [
        f"{base:{width}}" + "".join(f"{row[state]:>10}" for state in STATES) for base, row in counts.items()
    ]
    return "\n".join([head, *rows, *([""] if lines else []), *lines])


def _progress(status: RunStatus) -> str:
    parts = [status.phase or "starting", f"step {status.step}/{status.steps}"]
    if status.loss is not None:
        parts.append(f"loss {status.loss:.4f}")
    if status.seconds_left is not None:
        parts.append(f"{status.seconds_left:.0f} s left")
    return ", ".join(parts)
