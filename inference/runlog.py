"""The event logs of runs: written by one thread, read by any number of coroutines on any event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from inference.request import Event, Failed, GenerationRequest, RequestError, is_terminal


@dataclass(eq=False, slots=True)
class _Run:
    """One run's log. Event number `seq` is `events[seq - 1]`; the list only grows."""

    request: GenerationRequest
    events: list[Event] = field(default_factory=list)
    waiters: list[asyncio.Future] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return bool(self.events) and is_terminal(self.events[-1])


class RunLog:
    """Keeps every run's events until `keep_seconds` after its end, and of ended runs the last `keep_runs`.

    The writer calls `append` for each event and then `wake`; between the two, readers that are asleep sleep
    on, so that one call wakes all readers of an engine step.
    """

    def __init__(
        self,
        keep_seconds: float = 600.0,
        keep_runs: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.keep_seconds = keep_seconds
        self.keep_runs = keep_runs
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._ended: deque[tuple[float, str]] = deque()
        self._to_wake: list[asyncio.Future] = []

    def knows(self, request: GenerationRequest) -> bool:
        """Whether this request has been opened. Raises `RequestError("duplicate_run")` when its id belongs to
        another request."""
        with self._lock:
            self._forget_old()
            run = self._runs.get(request.request_id)
        if run is not None and run.request != request:
            raise RequestError(
                "duplicate_run",
                f"There is a run {request.request_id!r} already, with another request. Use a new id.",
            )
        return run is not None

    def open(self, request: GenerationRequest) -> None:
        """Starts the log of the run `request.request_id`."""
        with self._lock:
            self._runs[request.request_id] = _Run(request)

    def append(self, run_id: str, event: Event) -> None:
        with self._lock:
            run = self._runs[run_id]
            run.events.append(event)
            if run.waiters:
                self._to_wake += run.waiters
                run.waiters = []
            if is_terminal(event):
                self._ended.append((self._clock(), run_id))
                self._forget_old()

    def wake(self) -> None:
        """Lets all readers see what was appended."""
        with self._lock:
            futures, self._to_wake = self._to_wake, []
        by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future]] = {}
        for future in futures:
            by_loop.setdefault(future.get_loop(), []).append(future)
        for loop, sleeping in by_loop.items():
            try:
                loop.call_soon_threadsafe(_resolve, sleeping)
            except RuntimeError:  # that loop is closed, and its readers with it
                continue

    def interrupt(self, error: RequestError) -> None:
        """Ends every run that has not ended with `Failed`, and wakes all readers."""
        with self._lock:
            open_runs = [(run_id, len(run.events)) for run_id, run in self._runs.items() if not run.ended]
        for run_id, seq in open_runs:
            self.append(run_id, Failed(seq + 1, error.code, error.message))
        self.wake()

    def has_ended(self, run_id: str) -> bool:
        """Raises `RequestError("unknown_run")`."""
        return self._find(run_id).ended

    async def events(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        """The run's events with `seq` above `after`, then each new one, to the last.

        Raises `RequestError("unknown_run")` for a run that was never opened or is forgotten.
        """
        run = self._find(run_id)
        after = max(0, after)
        while True:
            while after < len(run.events):
                event = run.events[after]
                after += 1
                yield event
                if is_terminal(event):
                    return
            with self._lock:
                if after < len(run.events):
                    continue
                if run.ended:
                    return  # the cursor is at or beyond the end
                news = asyncio.get_running_loop().create_future()
                run.waiters.append(news)
            try:
                await news
            finally:
                with self._lock:
                    if news in run.waiters:
                        run.waiters.remove(news)

    def _find(self, run_id: str) -> _Run:
        with self._lock:
            self._forget_old()
            run = self._runs.get(run_id)
        if run is None:
            raise RequestError("unknown_run", f"There is no run {run_id!r}, or its log is no longer kept.")
        return run

    def _forget_old(self) -> None:
        oldest = self._clock() - self.keep_seconds
        while self._ended and (self._ended[0][0] <= oldest or len(self._ended) > self.keep_runs):
            del self._runs[self._ended.popleft()[1]]


def _resolve(futures: Iterable[asyncio.Future]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
