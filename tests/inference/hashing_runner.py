"""A `ModelRunner` whose model is a hash: quick, exact, and unforgiving about the KV cache.

It keeps token ids, and the adapter that computed them, where a model keeps keys and values, in the same
slots, and chooses the next token from what is read back there. A block that is shared, reused or lost wrongly
therefore changes the text.
"""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass, field
from types import SimpleNamespace

import torch

from inference.config import EngineConfig
from inference.request import AdapterInfo, RequestError
from inference.runner import Computed
from inference.sequence import ScheduledSequence

VOCAB_SIZE = 420
EOS = 2


def next_token(token_ids: list[int], adapter: str | None) -> int:
    """What the hashing model says after these tokens."""
    digest = zlib.crc32(repr((adapter, list(token_ids))).encode())
    return EOS if digest % 29 == 0 else 3 + digest % (VOCAB_SIZE - 3)


def continuation(
    prompt: list[int], adapter: str | None, max_tokens: int, max_model_len: int, ignore_eos: bool = False
) -> list[int]:
    """The whole answer of the hashing model, computed without engine, cache or batch."""
    token_ids = list(prompt)
    while len(token_ids) < min(len(prompt) + max_tokens, max_model_len):
        token_ids.append(next_token(token_ids, adapter))
        if token_ids[-1] == EOS and not ignore_eos:
            break
    return token_ids[len(prompt) :]


@dataclass(eq=False)
class HeldAdapter:
    name: str
    running: int = 0
    pinned: bool = False

    @property
    def content_hash(self) -> str:
        return self.name


@dataclass
class SlotAdapters:
    """The registry's rules over names alone: `slots` adapters in memory, idle ones make room."""

    slots: int
    names: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    loaded: dict[str, HeldAdapter] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    @property
    def num_loaded(self) -> int:
        return len(self.loaded)

    def load(self, name: str, path: object) -> AdapterInfo:
        if name in self.broken:
            raise RequestError("adapter_invalid", f"{name} is broken.")
        self.names.add(name)
        return self._info(name)

    def unload(self, name: str) -> None:
        if name not in self.names:
            raise RequestError("unknown_adapter", f"There is no {name}.")
        if name in self.loaded and self.loaded[name].running:
            raise RequestError("adapter_in_use", f"{name} is running.")
        self.names.remove(name)
        self.loaded.pop(name, None)

    def pin(self, name: str, pinned: bool = True) -> None:
        if name not in self.loaded:
            self.loaded[name] = HeldAdapter(name)
        self.loaded[name].pinned = pinned

    def infos(self) -> list[AdapterInfo]:
        return [self._info(name) for name in sorted(self.names)]

    def loading_tier(self, name: str) -> str | None:
        return "disk" if name not in self.loaded and self._has_room() else None

    def acquire(self, name: str) -> HeldAdapter | None:
        if name not in self.names:
            raise RequestError("unknown_adapter", f"There is no {name}.")
        if name not in self.loaded:
            if not self._has_room():
                return None
            if name in self.broken:
                raise RequestError("adapter_invalid", f"{name} is broken.")
            if len(self.loaded) == self.slots:
                del self.loaded[self._idle()]
            self.loaded[name] = HeldAdapter(name)
        self.loaded[name].running += 1
        return self.loaded[name]

    def release(self, adapter: HeldAdapter) -> None:
        assert self.loaded[adapter.name] is adapter
        assert adapter.running > 0
        adapter.running -= 1

    def _idle(self) -> str | None:
        return next((n for n, held in self.loaded.items() if not held.running and not held.pinned), None)

    def _has_room(self) -> bool:
        return len(self.loaded) < self.slots or self._idle() is not None

    def _info(self, name: str) -> AdapterInfo:
        held = self.loaded.get(name)
        return AdapterInfo(
            name,
            "loaded" if held else "registered",
            rank=8,
            targets=("q_proj",),
            size_bytes=1,
            content_hash=name,
            running=held.running if held else 0,
            pinned=bool(held and held.pinned),
        )


class HashingRunner:
    """`fails_on` and `nan_on` hold tokens: a row that computes one of the first raises, one whose newest
    token is of the second answers NaN. Every step raises `breaks`, in a way that no step survives.

    After `hold()`, each step waits to be let through by `let(steps)`.
    """

    def __init__(self, config: EngineConfig, adapters: tuple[str, ...] = ()):
        self.model_config = SimpleNamespace(vocab_size=VOCAB_SIZE, eos_token_ids=frozenset([EOS]))
        self.max_model_len = config.max_model_len or 128
        self.num_blocks = -(-(config.kv_cache_tokens or 1024) // config.block_size)
        self.adapters = SlotAdapters(config.adapter_slots, set(adapters))
        self.batches: list[list[tuple[str, int]]] = []
        self.fails_on: set[int] = set()
        self.nan_on: set[int] = set()
        self.breaks: BaseException | None = None
        self._steps = threading.Semaphore()
        self._held = False
        self._config = config
        self._slots: list[tuple[int, str | None]] = [(-1, None)] * (self.num_blocks * config.block_size)
        self.computed_tokens = 0

    def hold(self) -> None:
        self._steps, self._held = threading.Semaphore(0), True

    def let(self, steps: int) -> None:
        self._steps.release(steps)

    def go_on(self) -> None:
        self._held = False
        self._steps.release()

    runs_ahead = False

    def launch(self, batch: list[ScheduledSequence]) -> Computed:
        return Computed([item.sequence for item in batch if item.samples], self.run(batch))

    def run(self, batch: list[ScheduledSequence]) -> torch.Tensor:
        if self._held:
            assert self._steps.acquire(timeout=30)
        if self.breaks is not None:
            raise self.breaks
        assert batch
        assert len({id(item.sequence) for item in batch}) == len(batch) <= self._config.max_num_seqs
        assert sum(item.num_new for item in batch) <= self._config.max_batched_tokens
        self.batches.append([(item.sequence.request.request_id, item.num_new) for item in batch])
        for item in batch:
            self._compute(item)
        logits = torch.zeros(sum(item.samples for item in batch), VOCAB_SIZE)
        for row, item in enumerate(item for item in batch if item.samples):
            sequence = item.sequence
            cached = [self._slots[self._slot(item, position)] for position in range(len(sequence))]
            (adapter,) = {adapter for _, adapter in cached}
            logits[row, next_token([token for token, _ in cached], adapter)] = 10.0
            if sequence.token_ids[-1] in self.nan_on:
                logits[row, 7] = float("nan")
        return logits

    def _compute(self, item: ScheduledSequence) -> None:
        sequence = item.sequence
        assert item.num_new >= 1
        assert (sequence.adapter.name if sequence.adapter else None) == sequence.request.adapter
        assert sequence.adapter is None or sequence.adapter.running > 0
        for position in range(sequence.num_computed, sequence.num_computed + item.num_new):
            if sequence.token_ids[position] in self.fails_on:
                raise RuntimeError("the device is on fire")
            self._slots[self._slot(item, position)] = (sequence.token_ids[position], sequence.request.adapter)
        self.computed_tokens += item.num_new

    def _slot(self, item: ScheduledSequence, position: int) -> int:
        block, offset = divmod(position, self._config.block_size)
        return item.sequence.block_table[block] * self._config.block_size + offset
