"""`InferenceClient` with the engine in a thread of this process: no worker, no broker."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TypeVar

from inference.config import EngineConfig
from inference.engine import Engine, interrupted
from inference.request import (
    AdapterInfo,
    EngineStats,
    Event,
    Failed,
    GenerationRequest,
    Loading,
    Prefill,
    RequestError,
)
from inference.runlog import RunLog
from inference.sequence import Sequence

logger = logging.getLogger(__name__)

T = TypeVar("T")
Command = Callable[[Engine | None], None]  # run between steps; with None when there will be no further step
SWITCH_SECONDS = 0.0005  # Python's own 5 ms would let a step keep fresh tokens from the event loop that long
LONG_TEXT = 20_000  # characters; tokenizing more takes a few milliseconds, which an event loop must not wait


class InProcessClient:
    """Runs an engine in a thread; all methods may be called from any event loop. See `InferenceClient`.

        client = InProcessClient(EngineConfig(model="path/to/base"))
        await client.start()
        run_id = await client.submit(GenerationRequest("great movie"))
        async for event in client.events(run_id): ...
        await client.close()

    It is an async context manager too. `build` makes the engine, in the thread that then runs it. Logs of
    ended runs are kept for `keep_seconds`, and at most `keep_runs` of them.
    """

    def __init__(
        self,
        config: EngineConfig,
        *,
        build: Callable[[EngineConfig], Engine] = Engine,
        keep_seconds: float = 600.0,
        keep_runs: int = 1000,
    ):
        self._config = config
        self._build = build
        self._log = RunLog(keep_seconds, keep_runs)
        self._engine: Engine | None = None
        self._thread: threading.Thread | None = None
        self._started: Future[None] = Future()
        self._news = threading.Condition()
        # Guarded by `_news`:
        self._inbox: deque[Command] = deque()
        self._submitted = 0  # requests in the inbox
        self._serving = False
        self._stop_at: float | None = None  # `time.monotonic` from which no further step is begun

    # Life

    async def start(self) -> None:
        """Loads the model and starts to serve. Raises `RuntimeError` when the model cannot be served."""
        if self._thread is not None:
            raise RuntimeError("This client was started before; make a new one.")
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
        self._thread = threading.Thread(target=self._work, name="inference engine", daemon=True)
        self._thread.start()
        await asyncio.wrap_future(self._started)

    async def close(self, drain_seconds: float = 0.0) -> None:
        """Stops the engine. Runs get `drain_seconds` to end; those that do not end with `interrupted`."""
        with self._news:
            self._serving = False
            self._stop_at = time.monotonic() + drain_seconds
            self._news.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    async def __aenter__(self) -> InProcessClient:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Runs

    async def submit(self, request: GenerationRequest) -> str:
        """See `InferenceClient.submit`."""
        engine = self._running_engine()
        if self._log.knows(request):
            return request.request_id
        if request.prompt is not None and len(request.prompt) > LONG_TEXT:
            sequence = await asyncio.to_thread(engine.prepare, request)
        else:
            sequence = engine.prepare(request)
        with self._news:
            self._running_engine()
            if not self._log.knows(request):
                if not engine.has_room_for(self._submitted + 1):
                    raise engine.overloaded()
                self._log.open(request)
                self._submitted += 1
                self._post(partial(self._add, sequence))
        return request.request_id

    def events(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        return self._log.events(run_id, after)

    async def cancel(self, run_id: str) -> None:
        if not self._log.has_ended(run_id):
            with self._news:
                self._post(partial(_cancel, run_id))

    # Adapters and the engine's state

    async def adapters(self) -> list[AdapterInfo]:
        return self._running_engine().adapters()

    async def load_adapter(self, name: str, path: str | Path) -> AdapterInfo:
        return await self._between_steps(lambda engine: engine.load_adapter(name, path))

    async def unload_adapter(self, name: str) -> None:
        await self._between_steps(lambda engine: engine.unload_adapter(name))

    async def pin_adapter(self, name: str, pinned: bool = True) -> None:
        await self._between_steps(lambda engine: engine.pin_adapter(name, pinned))

    async def stats(self) -> EngineStats:
        return self._running_engine().stats()

    async def count_tokens(self, prompt: str) -> int:
        """Tokens of `prompt`, special tokens included."""
        tokenizer = self._running_engine().tokenizer
        return len(await asyncio.to_thread(tokenizer.encode, prompt))

    async def render_chat(self, messages: list[dict[str, str]]) -> str:
        return self._running_engine().tokenizer.render_chat(messages)

    def _running_engine(self) -> Engine:
        if self._engine is None or not self._serving:
            raise RequestError("unavailable", "The engine is not running.")
        return self._engine

    async def _between_steps(self, command: Callable[[Engine], T]) -> T:
        """Runs `command` in the engine's thread and gives back what it returns or raises."""
        result: Future[T] = Future()

        def run(engine: Engine | None) -> None:
            if result.set_running_or_notify_cancel():
                try:
                    result.set_result(command(engine or self._running_engine()))
                except Exception as error:
                    result.set_exception(error)

        with self._news:
            self._running_engine()
            self._post(run)
        return await asyncio.wrap_future(result)

    def _post(self, command: Command) -> None:
        self._inbox.append(command)
        self._news.notify()

    # The engine's thread

    def _work(self) -> None:
        if not self._started.set_running_or_notify_cancel():
            return  # nobody waits for the start any more
        try:
            self._engine = self._build(self._config)
        except BaseException as error:
            self._started.set_exception(error)
            return
        with self._news:
            self._serving = self._stop_at is None
        self._started.set_result(None)
        try:
            self._serve(self._engine)
        except BaseException:
            logger.critical("The engine's thread has died; its runs end as interrupted.", exc_info=True)
        finally:
            self._end()

    def _serve(self, engine: Engine) -> None:
        """Runs commands and steps until `close`; sleeps while there is nothing to do."""
        while True:
            with self._news:
                while not (self._inbox or engine.has_work or self._stop_at is not None):
                    self._news.wait()
                commands, self._inbox = self._inbox, deque()
                stop_at = self._stop_at
            for command in commands:
                command(engine)
            if commands:
                self._log.wake()
            if stop_at is not None and (not engine.has_work or time.monotonic() >= stop_at):
                return
            if engine.has_work:
                engine.step()
            self._log.wake()

    def _end(self) -> None:
        """Leaves nobody waiting for an answer that will not come."""
        with self._news:
            self._serving = False
            commands, self._inbox = self._inbox, deque()
        for command in commands:
            command(None)
        self._log.interrupt(interrupted())

    def _add(self, sequence: Sequence, engine: Engine | None) -> None:
        with self._news:
            self._submitted -= 1
        if engine is None:
            return
        run_id = sequence.request.request_id
        try:
            engine.add(sequence, partial(self._tell, run_id))
        except Exception:
            logger.exception("Run %s could not be queued.", run_id)
            self._tell(
                run_id, Failed(1, "internal", "This request failed inside the engine before it began.")
            )

    def _tell(self, run_id: str, event: Event) -> None:
        self._log.append(run_id, event)
        if isinstance(event, (Loading, Prefill)):
            self._log.wake()  # what follows takes a while; tokens are told at the end of their step


def _cancel(run_id: str, engine: Engine | None) -> None:
    if engine is not None:
        engine.cancel(run_id)
