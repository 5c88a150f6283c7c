"""One request's life inside the engine, and the share of it that one step computes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inference.request import GenerationRequest

if TYPE_CHECKING:
    from inference.lora.registry import LoadedAdapter


@dataclass(eq=False, slots=True)
class Sequence:
    """A request with its tokens (prompt, then output), its KV blocks and how far it is computed.

    `num_computed` tokens have their keys and values in the cache, in `block_table` order. Preemption sets it
    back to 0 and gives the blocks back; the output tokens stay and are recomputed as if they were prompt.
    """

    request: GenerationRequest
    prompt_token_ids: tuple[int, ...]
    adapter: LoadedAdapter | None = None
    token_ids: list[int] = field(default_factory=list)
    num_computed: int = 0
    block_table: list[int] = field(default_factory=list)
    submitted_at: float = field(default_factory=time.perf_counter)
    first_scheduled_at: float | None = None
    first_token_at: float | None = None
    cancelled: bool = False
    in_flight: int = 0  # tokens that are being computed and not known yet
    num_remembered: int = 0  # tokens whose blocks the prefix cache knows of
    max_len: int | None = None  # tokens after which the answer ends in any case

    def __post_init__(self) -> None:
        if not self.token_ids:
            self.token_ids = list(self.prompt_token_ids)

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def num_prompt_tokens(self) -> int:
        return len(self.prompt_token_ids)

    @property
    def output_token_ids(self) -> list[int]:
        return self.token_ids[len(self.prompt_token_ids) :]

    @property
    def num_expected(self) -> int:
        """Its tokens, those in flight included."""
        return len(self.token_ids) + self.in_flight

    @property
    def num_pending(self) -> int:
        """Tokens whose keys and values are not in the cache yet; 1 in plain decoding."""
        return len(self.token_ids) + self.in_flight - self.num_computed

    @property
    def is_complete(self) -> bool:
        """Whether the last one of its tokens is in flight."""
        return self.in_flight > 0 and self.max_len is not None and self.num_expected >= self.max_len


@dataclass(frozen=True, slots=True)
class ScheduledSequence:
    """`num_new` tokens of `sequence`, from `sequence.num_computed` on, computed in this step."""

    sequence: Sequence
    num_new: int

    @property
    def samples(self) -> bool:
        """Whether this step reaches the last known token, so that its logits choose the next one."""
        return self.sequence.num_computed + self.num_new == self.sequence.num_expected
