"""The state of a fine-tuning on disk, whole or not at all, so that a killed one goes on where it was."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from training.errors import TrainingError


@dataclass(slots=True)
class TrainingState:
    """Everything but the base: after loading it, training goes on as if it had never stopped.

    `step` updates are done, which also says where in the data they were: the order follows from the seed.
    `curve` holds (step, mean loss since the last entry), `validations` (step, loss, exact). `seconds` is the
    time spent so far, `loss_sum` of `loss_count` steps the beginning of the next entry of the curve.
    """

    step: int = 0
    adapter: dict[str, torch.Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    rng: dict[str, torch.Tensor] = field(default_factory=dict)
    curve: list[list[float]] = field(default_factory=list)
    loss_sum: float = 0.0
    loss_count: int = 0
    validations: list[list[float]] = field(default_factory=list)
    best_step: int = 0
    best_loss: float | None = None
    best_adapter: dict[str, torch.Tensor] = field(default_factory=dict)
    seconds: float = 0.0
    resumed: int = 0


class Checkpoint:
    """One file, `checkpoint/state.pt` in the directory the adapter will be written to.

    `identity` says which training it belongs to: a checkpoint of another plan, data or base is refused, not
    taken up and not overwritten.
    """

    def __init__(self, out: Path, identity: Mapping[str, Any]):
        self.file = out / "checkpoint" / "state.pt"
        self.identity = dict(identity)

    def load(self) -> TrainingState | None:
        """The state, or None when there is none. Raises `TrainingError` when it belongs to another training
        or cannot be read."""
        if not self.file.is_file():
            return None
        try:
            saved = torch.load(self.file, map_location="cpu", weights_only=True)
            identity, state = saved["identity"], TrainingState(**saved["state"])
        except Exception as error:  # torch raises many types for a file that is not whole
            raise TrainingError(
                f"The checkpoint {self.file} cannot be read ({type(error).__name__}). Delete "
                f"{self.file.parent} to train from the beginning."
            ) from error
        if differing := sorted(
            name
            for name in identity.keys() | self.identity.keys()
            if identity.get(name) != self.identity.get(name)
        ):
            name = differing[0]
            raise TrainingError(
                f"{self.file} belongs to another training: its {name} was {identity.get(name)!r}, now it is "
                f"{self.identity.get(name)!r}. Train as before to go on, choose another output directory, or "
                f"delete {self.file.parent} to begin anew."
            )
        return state

    def save(self, state: TrainingState) -> None:
        """Replaces the checkpoint in one move. Raises `TrainingError` when the disk is full; the last
        checkpoint is still whole then."""
        partial = self.file.with_suffix(".partial")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as stream:
                # Not asdict(state): it would copy every tensor.
                values = {each.name: getattr(state, each.name) for each in fields(state)}
                torch.save({"identity": self.identity, "state": values}, stream)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(self.file)
        except (OSError, RuntimeError) as error:  # torch reports a failed write as a RuntimeError
            partial.unlink(missing_ok=True)
            raise self._unwritable(error, state.step) from error

    def delete(self) -> None:
        self.file.unlink(missing_ok=True)
        self.file.with_suffix(".partial").unlink(missing_ok=True)
        if self.file.parent.is_dir():
            self.file.parent.rmdir()

    def _unwritable(self, error: Exception, step: int) -> TrainingError:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "write" in str(error).lower()
        reason = "the disk is full" if full else str(error).partition("\n")[0].rstrip(".")
        kept = "The one before it is kept" if self.file.exists() else "There is none before it"
        return TrainingError(
            f"The checkpoint of step {step} could not be written to {self.file}: {reason}. {kept}; make room "
            "and start the same training again."
        )
