"""The contract between whoever serves people and the engine that makes tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from inference.request import AdapterInfo, EngineStats, Event, GenerationRequest


class InferenceClient(Protocol):
    """Submits runs and reads their event logs.

    A run lives on when its reader goes away: `events` can be called again, by anyone, with the last `seq`
    seen, and yields exactly what follows. Every run ends with one `Done` or `Failed` event, also when the
    engine stops or dies (`Failed("interrupted")`). Logs of ended runs are kept for a while
    (`RunLog.keep_seconds`), then `events` raises `RequestError("unknown_run")`. Without a running engine
    everything that needs it raises `RequestError("unavailable")`. `inference.InProcessClient` is the
    implementation that needs nothing else.
    """

    async def submit(self, request: GenerationRequest) -> str:
        """Checks and queues a request; returns its run id (`request.request_id`).

        Submitting an equal request again changes nothing and returns the id; another request under a known id
        raises `RequestError("duplicate_run")`. Raises `empty_prompt`, `prompt_too_long`, `unknown_adapter`,
        `invalid_parameter`, and `overloaded` when the queue is full.
        """
        ...

    def events(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        """Yields the run's events with `seq` above `after`, past ones at once and new ones as they come."""
        ...

    async def cancel(self, run_id: str) -> None:
        """Asks the engine to end the run; its log then ends with `Done(finish_reason="cancelled")`.

        Does nothing to a run that has ended. Raises `RequestError("unknown_run")`.
        """
        ...

    async def adapters(self) -> list[AdapterInfo]: ...

    async def load_adapter(self, name: str, path: str | Path) -> AdapterInfo:
        """Reads and checks a PEFT adapter directory. Raises `RequestError("adapter_invalid")`."""
        ...

    async def unload_adapter(self, name: str) -> None:
        """Raises `RequestError`: `unknown_adapter`, or `adapter_in_use` while requests run with it."""
        ...

    async def pin_adapter(self, name: str, pinned: bool = True) -> None:
        """Keeps an adapter in the engine's memory, or no longer. Raises `RequestError("unknown_adapter")`."""
        ...

    async def stats(self) -> EngineStats: ...

    async def count_tokens(self, prompt: str) -> int:
        """Tokens of `prompt`, special tokens included."""
        ...

    async def render_chat(self, messages: list[dict[str, str]]) -> str:
        """The prompt for a conversation (`role`, `content`): by the tokenizer's chat template, or, for a base
        without one, the contents joined by blank lines."""
        ...
