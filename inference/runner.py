"""What the engine asks of whatever computes its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch

from inference.models.config import ModelConfig
from inference.sequence import ScheduledSequence, Sequence


class Launch(Protocol):
    """A step that was started. `sequences` get a token from it."""

    sequences: list[Sequence]

    def tokens(self) -> list[int] | None:
        """The likeliest token of each sequence, -1 where the numbers are not usable. Waits for the device.

        None where only logits are computed.
        """

    def logits(self) -> torch.Tensor:
        """float32 `[sequences, vocab]`."""


class Runner(Protocol):
    """Computes steps.

    With `runs_ahead`, `launch` returns before the step has ended and takes the newest token of a sequence
    that is `in_flight` from the launch before.
    """

    model_config: ModelConfig
    adapters: Any
    num_blocks: int
    max_model_len: int
    runs_ahead: bool

    def launch(self, batch: list[ScheduledSequence]) -> Launch: ...


@dataclass(frozen=True, slots=True)
class Computed:
    """A step that has ended."""

    sequences: list[Sequence]
    rows: torch.Tensor

    def tokens(self) -> None:
        return None

    def logits(self) -> torch.Tensor:
        return self.rows
