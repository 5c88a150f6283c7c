"""How far a fine-tuning is: plain data for a page or a Celery task, and a bar for the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TextIO

Phase = Literal["preparing", "training", "validating", "saving", "done"]


@dataclass(frozen=True, slots=True)
class Validation:
    """Loss per completion token, and the share of samples that greedy decoding answers to the letter."""

    loss: float
    exact: float


@dataclass(frozen=True, slots=True)
class Progress:
    """`step` of `steps` updates are done. `loss` is that of the latest step per completion token (None before
    the first), `validation` the latest round, `seconds_left` an estimate for the steps that remain."""

    phase: Phase
    step: int
    steps: int
    loss: float | None = None
    validation: Validation | None = None
    seconds_left: float | None = None


OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


class ProgressBar:
    """Shows progress on a terminal as a bar, elsewhere as a line every ten seconds. Use as `on_progress`."""

    def __init__(self, title: str, stream: TextIO | None = None, seconds: float = 10.0):
        self.title = title
        self.stream = stream or sys.stderr
        self._seconds = seconds
        self._told_at, self._phase = 0.0, ""
        self._bar = None

    def __call__(self, progress: Progress) -> None:
        if self.stream.isatty():
            self._draw(progress)
            return
        now = time.monotonic()
        if progress.phase != self._phase or now - self._told_at >= self._seconds:
            self._phase, self._told_at = progress.phase, now
            print(self.describe(progress), file=self.stream, flush=True)

    def describe(self, progress: Progress) -> str:
        parts = [f"{self.title}: {progress.phase}", f"step {progress.step}/{progress.steps}"]
        if progress.loss is not None:
            parts.append(f"loss {progress.loss:.4f}")
        if progress.validation is not None:
            parts.append(f"validation {progress.validation.loss:.4f}")
        if progress.seconds_left is not None:
            parts.append(f"{progress.seconds_left:.0f} s left")
        return ", ".join(parts)

    def _draw(self, progress: Progress) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=progress.steps, file=self.stream, unit="step", dynamic_ncols=True)
        self._bar.set_description(f"{self.title} {progress.phase}", refresh=False)
        values = {"loss": progress.loss, "validation": progress.validation and progress.validation.loss}
        self._bar.set_postfix(
            {name: f"{value:.4f}" for name, value in values.items() if value is not None}, refresh=False
        )
        self._bar.n = progress.step
        self._bar.refresh()
        if progress.phase == "done":
            self._bar.close()
