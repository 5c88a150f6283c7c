"""The contract between whoever serves people and the engine that makes tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from inference.request import AdapterInfo, EngineStats, Event, GenerationRequest


class InferenceClient(Protocol):
    """Submits runs and reads their event logs.

    A run lives on when its reader goes away: `events` can be called again, by anyone, with the last `seq`
    seen, and yields exactly what follows. Every run ends with one `Done` or `Failed` event. Logs of ended runs
    are kept for a while (`RunLog.keep_seconds`), then `events` raises `RequestError("unknown_run")`.
    """

    async def submit(self, request: GenerationRequest) -> str:
        """Checks and queues a request; returns its run id (`request.request_id`). Raises `RequestError`."""
        ...

    def events(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        """Yields the run's events with `seq` above `after`, past ones at once and new ones as they come."""
        ...

    async def cancel(self, run_id: str) -> None:
        """Asks the engine to end the run; its log then ends with `Done(finish_reason="cancelled")`."""
        ...

    async def adapters(self) -> list[AdapterInfo]: ...

    async def load_adapter(self, name: str, path: str | Path) -> AdapterInfo:
        """Reads and checks a PEFT adapter directory. Raises `RequestError("adapter_invalid")`."""
        ...

    async def unload_adapter(self, name: str) -> None: ...

    async def pin_adapter(self, name: str, pinned: bool = True) -> None: ...

    async def stats(self) -> EngineStats: ...

    async def count_tokens(self, prompt: str) -> int: ...

    async def render_chat(self, messages: list[dict[str, str]]) -> str:
        """The prompt for a conversation (`role`, `content`): by the tokenizer's chat template, or, for a base
        without one, the contents joined by blank lines."""
        ...
