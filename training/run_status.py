"""`run.json`: how far a fine-tuning is, for whoever looks on from another process.

Reading it imports nothing heavy. The file is replaced whole, so a reader never sees half of it; its time of
change is the sign of life of the process that trains.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from training.errors import TrainingError, TrainingStopped
from training.progress import Progress

logger = logging.getLogger(__name__)
State = Literal["waiting", "running", "finished", "stopped", "failed"]
FILE = "run.json"
SECONDS_BETWEEN = 0.5
MOST_POINTS = 240  # of a curve: more than a chart can show
SILENT_AFTER = 120.0  # seconds without a sign of life after which a run counts as lost


@dataclass(frozen=True, slots=True)
class RunStatus:
    """`curve` holds [step, loss], `validations` [step, loss]; `message` is a sentence for a failed run,
    `result` what the run has found out, once it is finished."""

    state: State = "waiting"
    phase: str = ""
    step: int = 0
    steps: int = 0
    loss: float | None = None
    seconds_left: float | None = None
    curve: list[list[float]] = field(default_factory=list)
    validations: list[list[float]] = field(default_factory=list)
    message: str = ""
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return self.state in ("finished", "stopped", "failed")


def read_status(directory: Path) -> RunStatus:
    """The status of the run in `directory`; `waiting` when it has not begun or cannot be read."""
    try:
        return RunStatus(**json.loads((directory / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return RunStatus()


def is_silent(directory: Path) -> bool:
    """Whether the process that trains here has given no sign of life for `SILENT_AFTER` seconds."""
    try:
        return time.time() - (directory / FILE).stat().st_mtime > SILENT_AFTER
    except OSError:
        return True


def finished_card(adapter: Path) -> dict[str, Any] | None:
    """The training card of an adapter that is whole; None while it is not. PEFT's config is written last."""
    if not (adapter / "adapter_config.json").is_file():
        return None
    try:
        return json.loads((adapter / "training_card.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def give_sign_of_life(directory: Path) -> None:
    """For the time in which a run has nothing new to say."""
    with contextlib.suppress(OSError):
        os.utime(directory / FILE)


def write_json(file: Path, value: Any) -> None:
    """Replaces `file` in one move."""
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    os.replace(partial, file)


class Recorder:
    """Keeps `run.json` up to date. Use as `on_progress` of a fine-tuning; goes on with the curve of an
    earlier attempt. A status that cannot be written (a full disk) does not end the training."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.status = replace(read_status(directory), state="running", message="", result={})
        self._written_at = 0.0
        self._write()

    def __call__(self, progress: Progress) -> None:
        was = self.status
        curve = [point for point in was.curve if point[0] < progress.step]
        validations = [point for point in was.validations if point[0] < progress.step]
        news = None if progress.validation is None else round(progress.validation.loss, 4)
        if progress.phase == "training" and progress.loss is not None:
            curve.append([progress.step, round(progress.loss, 4)])
        elif progress.phase != "training":
            curve = was.curve
        if news is not None and news not in [loss for _, loss in validations[-1:]]:
            validations.append([progress.step, news])
        self.status = replace(
            was,
            phase="evaluating" if progress.phase == "done" else progress.phase,
            step=progress.step,
            steps=progress.steps,
            loss=was.loss if progress.loss is None else progress.loss,
            seconds_left=progress.seconds_left,
            curve=curve if len(curve) <= MOST_POINTS else curve[::2],
            validations=validations,
        )
        if was.phase != self.status.phase or time.monotonic() - self._written_at > SECONDS_BETWEEN:
            self._write()

    def end(self, state: State, message: str = "", **changes: Any) -> RunStatus:
        self.status = replace(self.status, state=state, message=message, seconds_left=None, **changes)
        self._write()
        return self.status

    def take_card(self, card: dict[str, Any]) -> None:
        """The curves of a finished training as its card has them: means over steps, none missing."""
        self.status = replace(
            self.status,
            curve=[list(point) for point in card["loss"]],
            validations=[[step, loss] for step, loss, *_ in card["validations"]],
        )

    def phase(self, name: str) -> None:
        self.status = replace(self.status, phase=name, seconds_left=None)
        self._write()

    def _write(self) -> None:
        self._written_at = time.monotonic()
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            write_json(self.directory / FILE, asdict(self.status))
        except OSError as error:
            logger.warning("The status of %s could not be written: %s", self.directory.name, error)


def recorded(directory: Path, work: Callable[[Recorder], dict[str, Any]]) -> RunStatus:
    """Does `work` and records how it ends: finished with what it returns, stopped, or failed with a sentence.
    Errors that are not written for people end up in the log, with their type in the sentence."""
    recorder = Recorder(directory)
    try:
        return recorder.end("finished", result=work(recorder))
    except TrainingStopped as error:
        return recorder.end("stopped", str(error))
    except TrainingError as error:
        return recorder.end("failed", str(error))
    except Exception as error:
        logger.exception("The run in %s failed", directory)
        return recorder.end("failed", _sentence(error))


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}. What was trained is kept; start the same run again to go on."
    return f"An unexpected error ended it ({type(error).__name__}); the log of the training process has it."
