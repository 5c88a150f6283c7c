"""The adapters an engine knows: names, places in memory, who uses them and which may be evicted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from inference.lora.adapter import Adapter, Packer, read_adapter
from inference.lora.memory import pack
from inference.models.config import ModelConfig
from inference.request import AdapterInfo, RequestError

MAX_NAME_LENGTH = 200


class Pool(Protocol):
    """Device memory that adapters share by rank. What `place` gives stands for the adapter there."""

    ranks: int

    def has_room_for(self, rank: int) -> bool: ...

    def could_hold(self, rank: int, places: list[Any]) -> bool: ...

    def place(self, adapter: Any) -> Any: ...

    def free(self, place: Any) -> None: ...


@dataclass(eq=False, slots=True)
class LoadedAdapter:
    """An adapter in memory, as sequences hold it. `running` counts the sequences that have acquired it.

    `weights` are an `AdapterWeights`, or its place in the pool.
    """

    name: str
    content_hash: str
    weights: Any
    running: int = 0


@dataclass(eq=False, slots=True)
class _Entry:
    name: str
    path: Path
    rank: int
    targets: tuple[str, ...]
    size_bytes: int
    content_hash: str
    pinned: bool = False
    error: str = ""
    host: Any = None  # what the pool's `place` takes, kept for the next time
    loaded: LoadedAdapter | None = field(default=None)

    def info(self) -> AdapterInfo:
        state = "loaded" if self.loaded else "failed" if self.error else "registered"
        return AdapterInfo(
            name=self.name,
            state=state,
            rank=self.rank,
            targets=self.targets,
            size_bytes=self.size_bytes,
            content_hash=self.content_hash,
            running=self.loaded.running if self.loaded else 0,
            pinned=self.pinned,
            error=self.error,
        )


class AdapterRegistry:
    """Keeps at most `slots` adapters in memory; the others stay registered and are read again when needed.

    Room is made by evicting the adapter whose last use is longest ago, never one that is running or pinned.
    All methods may be called from any thread. Errors are `RequestError`s.

    With a `pool`, memory means the pool's: what `pack` made of the `host_slots` adapters used last stays in
    host memory, so that they need not be read from disk again.
    """

    def __init__(
        self,
        model: ModelConfig,
        dtype: torch.dtype,
        device: torch.device,
        slots: int,
        *,
        pack: Packer = pack,
        pool: Pool | None = None,
        host_slots: int = 0,
    ):
        if slots < 1:
            raise ValueError(f"adapter_slots must be at least 1, not {slots}.")
        self.slots = slots
        self._model, self._dtype, self._device = model, dtype, device
        self._pack, self._pool = pack, pool
        self._host_slots = host_slots
        self._on_host: dict[str, _Entry] = {}  # least recently used first
        self._lock = threading.RLock()
        self._entries: dict[str, _Entry] = {}
        self._in_memory: dict[str, _Entry] = {}  # least recently used first

    def load(self, name: str, path: str | Path) -> AdapterInfo:
        """Registers the PEFT adapter at `path` under `name`, and puts it in memory if there is room.

        Loading a name again replaces its adapter. Raises `adapter_invalid` for an adapter or a name that
        cannot be served, and `adapter_in_use` when a replaced adapter with other content is running.
        """
        _check_name(name)
        path = Path(path)
        adapter = self._read(path)
        if self._pool and adapter.rank > self._pool.ranks:
            raise RequestError(
                "adapter_invalid",
                f"The adapter at {path} has rank {adapter.rank}, but all adapters together have "
                f"{self._pool.ranks} ranks on the device. Start the engine with more lora_ranks.",
            )
        with self._lock:
            known = self._entries.get(name)
            if known and known.content_hash == adapter.content_hash:
                known.path, known.error = path, ""
            else:
                if known:
                    self._check_idle(known, "replace")
                    self._forget(known)
                self._entries[name] = _Entry(
                    name=name,
                    path=path,
                    rank=adapter.rank,
                    targets=adapter.targets,
                    size_bytes=adapter.weights.size_bytes,
                    content_hash=adapter.content_hash,
                    pinned=known.pinned if known else False,
                )
            entry = self._entries[name]
            self._keep_on_host(entry, adapter)
            if entry.loaded is None and self._make_room(entry.rank):
                self._place(entry, adapter.weights)
            return entry.info()

    def unload(self, name: str) -> None:
        """Forgets `name`. Raises `unknown_adapter`, or `adapter_in_use` while requests run with it."""
        with self._lock:
            entry = self._known(name)
            self._check_idle(entry, "unload")
            self._forget(entry)
            del self._entries[name]

    def acquire(self, name: str) -> LoadedAdapter | None:
        """The adapter for one more sequence, read from disk if it had been evicted.

        None when every slot is held by a running or pinned adapter: try again after a `release`. Raises
        `unknown_adapter`, and `adapter_invalid` when what is on disk can no longer be read or has changed.
        """
        with self._lock:
            entry = self._known(name)
            if entry.loaded is None and not self._load_again(entry):
                return None
            self._in_memory[name] = self._in_memory.pop(name)
            entry.loaded.running += 1
            return entry.loaded

    def loading_tier(self, name: str) -> str | None:
        """From where `acquire` would now load the adapter: `disk` or `host`; None when it would not.

        Raises `unknown_adapter`.
        """
        with self._lock:
            entry = self._known(name)
            if entry.loaded is not None or not self._has_room(entry.rank):
                return None
            return "disk" if entry.host is None else "host"

    def release(self, adapter: LoadedAdapter) -> None:
        """Gives back what `acquire` gave."""
        with self._lock:
            if adapter.running < 1:
                raise RuntimeError(f"The adapter {adapter.name} was released more often than acquired.")
            adapter.running -= 1

    def pin(self, name: str, pinned: bool = True) -> AdapterInfo:
        """Keeps `name` in memory (or no longer).

        One slot always stays free of pins, so that others can run.
        """
        with self._lock:
            entry = self._known(name)
            others = sum(other.pinned for other in self._entries.values() if other is not entry)
            if pinned and others + 1 >= self.slots:
                raise RequestError(
                    "invalid_parameter",
                    f"{name} cannot be pinned: {others} of {self.slots} adapter slots are pinned already and "
                    "one must stay free for the others. Unpin one, or start the engine with more slots.",
                )
            if pinned and entry.loaded is None:
                self._load_again(entry)
            entry.pinned = pinned
            return entry.info()

    def info(self, name: str) -> AdapterInfo:
        """Raises `unknown_adapter`."""
        with self._lock:
            return self._known(name).info()

    def infos(self) -> list[AdapterInfo]:
        """All registered adapters, in the order in which they were first loaded."""
        with self._lock:
            return [entry.info() for entry in self._entries.values()]

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._entries

    @property
    def num_loaded(self) -> int:
        with self._lock:
            return len(self._in_memory)

    def _known(self, name: str) -> _Entry:
        if name not in self._entries:
            raise RequestError("unknown_adapter", f"There is no adapter named {name!r}. Load it first.")
        return self._entries[name]

    def _check_idle(self, entry: _Entry, verb: str) -> None:
        if entry.loaded and entry.loaded.running:
            raise RequestError(
                "adapter_in_use",
                f"Cannot {verb} {entry.name}: {entry.loaded.running} requests are running with it. "
                "Try again when they have finished.",
            )

    def _evictable(self) -> Iterator[_Entry]:
        """Those that may go, least recently used first."""
        return (entry for entry in self._in_memory.values() if not entry.pinned and not entry.loaded.running)

    def _has_room(self, rank: int) -> bool:
        """Whether room can be made. With a pool it may take more than one eviction."""
        if len(self._in_memory) < self.slots and (self._pool is None or self._pool.has_room_for(rank)):
            return True
        idle = list(self._evictable())
        if self._pool is None:
            return bool(idle)
        stays = [entry.loaded.weights for entry in self._in_memory.values() if entry not in idle]
        return len(stays) < self.slots and self._pool.could_hold(rank, stays)

    def _make_room(self, rank: int) -> bool:
        """Frees a slot, and ranks of the pool, if need be; False when what runs or is pinned leaves none."""
        if not self._has_room(rank):
            return False
        while len(self._in_memory) >= self.slots or (self._pool and not self._pool.has_room_for(rank)):
            self._evict(next(self._evictable()))
        return True

    def _evict(self, entry: _Entry) -> None:
        del self._in_memory[entry.name]
        if self._pool:
            self._pool.free(entry.loaded.weights)
        entry.loaded = None

    def _forget(self, entry: _Entry) -> None:
        if entry.loaded:
            self._evict(entry)
        self._on_host.pop(entry.name, None)

    def _keep_on_host(self, entry: _Entry, adapter: Adapter | None = None) -> None:
        if self._host_slots == 0:
            return
        if adapter is not None:
            entry.host = adapter.weights
        self._on_host.pop(entry.name, None)
        self._on_host[entry.name] = entry
        while len(self._on_host) > self._host_slots:
            self._on_host.pop(next(iter(self._on_host))).host = None

    def _load_again(self, entry: _Entry) -> bool:
        """Puts a registered adapter into memory. False when there is no room for it now."""
        if not self._has_room(entry.rank):
            return False
        weights = entry.host
        if weights is None:
            adapter = self._read_again(entry)
            self._keep_on_host(entry, adapter)
            weights = adapter.weights
        else:
            self._keep_on_host(entry)
        self._make_room(entry.rank)
        self._place(entry, weights)
        return True

    def _place(self, entry: _Entry, weights: Any) -> None:
        if self._pool:
            weights = self._pool.place(weights)
        entry.loaded = LoadedAdapter(entry.name, entry.content_hash, weights)
        entry.error = ""
        self._in_memory[entry.name] = entry

    def _read(self, path: Path) -> Adapter:
        return read_adapter(path, self._model, self._dtype, self._device, self._pack)

    def _read_again(self, entry: _Entry) -> Adapter:
        try:
            adapter = self._read(entry.path)
            if adapter.content_hash != entry.content_hash:
                raise RequestError(
                    "adapter_invalid",
                    f"The files of {entry.name} at {entry.path} have changed since it was loaded. "
                    "Load it again.",
                )
        except RequestError as error:
            entry.error = error.message
            raise
        except OSError as error:
            entry.error = f"The files of {entry.name} at {entry.path} cannot be read: {error}."
            raise RequestError("adapter_invalid", entry.error) from error
        return adapter


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise RequestError(
            "adapter_invalid",
            f"An adapter's name must be 1 to {MAX_NAME_LENGTH} printable characters, not {name!r}.",
        )
