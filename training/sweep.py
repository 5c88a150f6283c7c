"""The grid: every task on every base, each run in a directory whose name says what it is.

A run's identity is the hash of its plan, base and data. A finished one is recognised by its training card, an
interrupted one goes on from its checkpoint; so a grid can be handed out again at any time, to any worker.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

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
    """One cell of the grid. `root` is the grid's directory, `data` as `finetune --data` takes it."""

    task: str
    base: str
    config: str
    data: str
    root: str
    overrides: dict[str, Any] = field(default_factory=dict)

    @property
    def plan(self) -> AdapterPlan:
        return read_plan(self.config, self.task, **self.overrides)

    @property
    def identity(self) -> str:
        """SHA-256 of everything that decides the result."""
        what = {"plan": asdict(self.plan), "base": self.base, "data": self.data}
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
    known = load_tasks()
    tasks = [task.id for task in known.values() if task.paper] if data["tasks"] == "paper" else data["tasks"]
    if strangers := sorted(set(tasks) - set(known)):
        raise TrainingError(f"{path} names {', '.join(strangers)}; the tasks are {', '.join(known)}.")
    runs = [
        GridRun(
            task=task,
            base=base,
            config=data.get("config", "paper"),
            data=data.get("data", "synthetic"),
            root=data["out"],
            overrides=data.get("overrides", {}),
        )
        for base in dict.fromkeys(data["bases"])
        for task in dict.fromkeys(tasks)
    ]
    for run in runs:
        _ = run.plan
    return Grid(tuple(runs))


def carry_out(run: GridRun, device: str, should_stop: ShouldStop, attempt: str = "") -> RunStatus:
    """Trains one run to its end, or from its checkpoint on; does nothing to a finished one. Never raises:
    how it ended is in the status that is returned and on disk. `attempt` names the worker in the run's
    history."""
    if run.finished:
        return run.status()

    def work(recorder: Recorder) -> dict[str, Any]:
        from training.finetune import finetune
        from training.sources import training_data

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
