"""Who computes what in the next step.

Continuous batching (Orca, OSDI 2022) with chunked prefill (Sarathi, arXiv 2308.16369): every step decodes one
token of each running sequence and fills the rest of its token budget with pieces of prompts. The rules:

* Decoding comes first, the oldest sequence first; prompts share what is left of `max_batched_tokens`.
* A sequence is admitted when blocks for all its known tokens are free, so only decoding can run out of them.
  Then the sequence that arrived last gives its blocks back and waits to be recomputed. The oldest is never
  the victim of a younger one, so somebody always gets on.
* Waiting is first come, first served, with one exception: a sequence whose adapter finds every slot busy lets
  others pass. After `MAX_OVERTAKES` of them have taken an adapter before it, nobody behind it may take one
  until it runs.
* A waiting sequence holds nothing: neither blocks nor an adapter.
* Who begins like a prompt that is just being read waits until that part can be taken over, where this spares
  at least a quarter of its own prompt.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from inference.kv_cache import BlockManager
from inference.request import RequestError
from inference.sequence import ScheduledSequence, Sequence

if TYPE_CHECKING:
    from inference.lora.registry import LoadedAdapter

MAX_OVERTAKES = 16
_MOST_SPARED = 32  # sequences that a step lets wait for a prompt they begin like, before it looks no further

_COMPARED = 64  # tokens at a time

_arrival = attrgetter("submitted_at")


@dataclass(slots=True)
class Step:
    """What one step computes, whom it admitted, and whom it refuses with which error: the caller removes
    those."""

    batch: list[ScheduledSequence] = field(default_factory=list)
    admitted: list[Sequence] = field(default_factory=list)
    refused: list[tuple[Sequence, RequestError]] = field(default_factory=list)


class Scheduler:
    """Holds the sequences in order of arrival: `running` ones with blocks, `waiting` ones without.

    `acquire` holds a sequence's adapter in memory, or gives None while every slot is busy, or raises
    `RequestError`; `release` takes it back.
    """

    def __init__(
        self,
        blocks: BlockManager,
        acquire: Callable[[Sequence], LoadedAdapter | None],
        release: Callable[[LoadedAdapter], None],
        max_num_seqs: int,
        max_batched_tokens: int,
    ):
        if max_num_seqs < 1 or max_batched_tokens < 1:
            raise ValueError("max_num_seqs and max_batched_tokens must be at least 1.")
        self.blocks = blocks
        self.acquire = acquire
        self.release = release
        self.max_num_seqs = min(max_num_seqs, max_batched_tokens)
        self.max_batched_tokens = max_batched_tokens
        self.running: list[Sequence] = []
        self.waiting: list[Sequence] = []
        self.preemptions = 0
        self._starved: Sequence | None = None
        self._overtakes = 0

    def __len__(self) -> int:
        return len(self.running) + len(self.waiting)

    def add(self, sequence: Sequence) -> None:
        insort(self.waiting, sequence, key=_arrival)

    def remove(self, sequence: Sequence, spoilt: bool = False) -> None:
        """Forgets a sequence, wherever it is, and frees what it holds.

        `spoilt` says that its cached keys and values may be wrong, so that nobody takes them over.
        """
        if sequence in self.running:
            self.running.remove(sequence)
            self._give_back(sequence, spoilt)
        else:
            self.waiting.remove(sequence)

    def computed(self, item: ScheduledSequence) -> None:
        """Notes that `item` was carried out: its keys and values are in the cache."""
        item.sequence.num_computed += item.num_new
        self.remember(item.sequence)

    def remember(self, sequence: Sequence) -> None:
        """Lets others take over what is computed of a running sequence, as far as its tokens are known."""
        known = min(sequence.num_computed, len(sequence.token_ids))
        if sequence.block_table and known > sequence.num_remembered:
            owner = sequence.adapter and sequence.adapter.content_hash
            self.blocks.remember(
                sequence.block_table, owner, sequence.token_ids, sequence.num_remembered, known
            )
            sequence.num_remembered = known

    def schedule(self) -> Step:
        """Chooses the next step's batch: decoding sequences first, then prompts, then newcomers."""
        step = Step()
        preempted = self._decode(step)
        budget = self.max_batched_tokens - len(step.batch)
        for sequence in self.running:
            if sequence.num_pending > 1 and budget > 0:
                budget -= self._prefill(step, sequence, budget)
        if self.waiting and not preempted:
            self._admit(step, budget)
        return step

    def _decode(self, step: Step) -> bool:
        """Schedules each running sequence that has one token to compute. Returns whether blocks ran out."""
        preemptions = self.preemptions
        for sequence in list(self.running):
            if sequence.num_pending != 1 or not sequence.block_table or sequence.is_complete:
                continue  # still reading its prompt, just preempted by an older one, or at its end
            while not self.blocks.grow(sequence.block_table, sequence.num_expected):
                victim = self.running[-1]
                self._preempt(victim)
                if victim is sequence:
                    break
            else:
                step.batch.append(ScheduledSequence(sequence, 1))
        return self.preemptions > preemptions

    def _prefill(self, step: Step, sequence: Sequence, budget: int) -> int:
        num_new = min(sequence.num_pending, budget)
        step.batch.append(ScheduledSequence(sequence, num_new))
        return num_new

    def _admit(self, step: Step, budget: int) -> None:
        """Moves waiting sequences to `running` while rows, blocks, adapters and token budget last."""
        full: set[str] = set()  # adapters that found no slot in this step
        starved: Sequence | None = None
        spared = 0
        for sequence in list(self.waiting):
            if budget <= 0 or len(self.running) >= self.max_num_seqs or not self._has_blocks_for(sequence):
                break
            if sequence.in_flight:
                continue
            if self._will_be_spared(sequence):
                spared += 1
                if spared == _MOST_SPARED:
                    break
                continue
            name = sequence.request.adapter
            if name is not None:
                barred = starved is not None and self._overtakes >= MAX_OVERTAKES
                if barred or name in full:
                    continue
                try:
                    sequence.adapter = self._acquire(sequence)
                except RequestError as error:
                    step.refused.append((sequence, error))
                    continue
                if sequence.cancelled:  # by a listener, while its adapter was loaded
                    self._let_go(sequence)
                    continue
                if sequence.adapter is None:
                    full.add(name)
                    if starved is None:
                        starved = sequence
                        self._watch(sequence)
                    continue
                if starved is not None:
                    self._overtakes += 1
            owner = sequence.adapter and sequence.adapter.content_hash
            sequence.num_computed = self.blocks.adopt(sequence.block_table, owner, sequence.token_ids)
            sequence.num_remembered = sequence.num_computed
            if not self.blocks.grow(sequence.block_table, len(sequence.token_ids)):
                raise RuntimeError(
                    "A sequence longer than the KV cache was queued; Engine.prepare refuses those."
                )
            self.waiting.remove(sequence)
            insort(self.running, sequence, key=_arrival)
            step.admitted.append(sequence)
            budget -= self._prefill(step, sequence, budget)

    def _will_be_spared(self, sequence: Sequence) -> bool:
        """Whether a prompt that is being read will soon have computed much of this one, too."""
        if not self.blocks.prefix_cache:
            return False
        size = self.blocks.block_size
        for reading in self.running:
            if reading.request.adapter != sequence.request.adapter or reading.num_pending <= 1:
                continue
            common = min(_common(reading.token_ids, sequence.token_ids), len(sequence) - 1) // size * size
            if 4 * (common - reading.num_computed) >= len(sequence):
                return True
        return False

    def _has_blocks_for(self, sequence: Sequence) -> bool:
        """Room for all known tokens and, so that newcomers do not cause preemptions, a block per running
        row."""
        missing = self.blocks.missing(sequence.block_table, len(sequence.token_ids))
        return missing + len(self.running) <= self.blocks.num_free or not self.running

    def _acquire(self, sequence: Sequence) -> LoadedAdapter | None:
        adapter = self.acquire(sequence)
        if adapter is None and all(running.adapter is None for running in self.running):
            raise RequestError(
                "overloaded",
                f"There is no place for the adapter {sequence.request.adapter!r}: every adapter slot holds a "
                "pinned adapter. Unpin one, or start the engine with more adapter_slots.",
            )
        return adapter

    def _watch(self, starved: Sequence) -> None:
        """Counts overtakes of the oldest sequence that waits for an adapter slot."""
        if starved is not self._starved:
            self._starved = starved
            self._overtakes = 0

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self._give_back(sequence)
        sequence.num_computed = 0
        insort(self.waiting, sequence, key=_arrival)
        self.preemptions += 1

    def _give_back(self, sequence: Sequence, spoilt: bool = False) -> None:
        self.blocks.release(sequence.block_table, spoilt)
        self._let_go(sequence)

    def _let_go(self, sequence: Sequence) -> None:
        if sequence.adapter is not None:
            self.release(sequence.adapter)
            sequence.adapter = None


def _common(first: list[int], second: list[int]) -> int:
    """How many tokens two sequences begin with in common."""
    shorter = min(len(first), len(second))
    for start in range(0, shorter, _COMPARED):
        part = slice(start, min(start + _COMPARED, shorter))
        if first[part] != second[part]:
            return next(i for i in range(start, shorter) if first[i] != second[i])
    return shorter
