"""Watches every run to its end and keeps its text, whoever is looking on.

One task per pane tails the engine's log and is the only writer of that pane's row: a checkpoint now and then,
and the whole at the end. The tasks belong to the process, not to a socket; they are held here, because the
event loop itself only keeps weak references.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import DatabaseError

from inference.client import InferenceClient
from inference.request import Done, Event, Failed, RequestError, Tokens
from playground.models import Pane

logger = logging.getLogger(__name__)
CHECKPOINT_SECONDS = 2.0


class PaneRecord:
    """What the events of a pane add up to."""

    FIELDS = (
        "text",
        "marks",
        "last_seq",
        "status",
        "finish_reason",
        "usage",
        "timings",
        "error_code",
        "error_message",
    )

    def __init__(self, pane: Pane):
        self.pane = pane
        self.tokens = 0

    def add(self, event: Event) -> None:
        pane = self.pane
        pane.last_seq = event.seq
        match event:
            case Tokens():
                pane.text += event.text
                self.tokens += len(event.token_ids)
                pane.marks.append([event.seq, len(pane.text), self.tokens])
            case Done(usage=usage, timings=timings):
                pane.status = Pane.Status.DONE
                pane.finish_reason = event.finish_reason
                pane.usage = {name: getattr(usage, name) for name in usage.__slots__}
                pane.timings = {name: getattr(timings, name) for name in timings.__slots__}
            case Failed():
                self.fail(event.code, event.message)

    def fail(self, code: str, message: str, status: str = Pane.Status.FAILED) -> None:
        self.pane.status = status
        self.pane.error_code = code
        self.pane.error_message = message

    @property
    def ended(self) -> bool:
        return self.pane.status != Pane.Status.RUNNING

    @database_sync_to_async
    def save(self) -> None:
        # An update by key, not a save: a run that was deleted meanwhile stays deleted.
        values = {name: getattr(self.pane, name) for name in self.FIELDS}
        Pane.objects.filter(pk=self.pane.pk).update(**values)


class RunSupervisor:
    def __init__(self) -> None:
        self._watching: set[asyncio.Task] = set()
        self._starting: dict[UUID, asyncio.Task] = {}

    def watch(self, client: InferenceClient, pane: Pane) -> None:
        task = asyncio.create_task(self._watch(client, PaneRecord(pane)), name=f"watch {pane.request_id}")
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _watch(self, client: InferenceClient, record: PaneRecord) -> None:
        checkpoint = time.monotonic() + CHECKPOINT_SECONDS
        try:
            async for event in client.events(record.pane.request_id):
                record.add(event)
                if not record.ended and time.monotonic() >= checkpoint:
                    await record.save()
                    checkpoint = time.monotonic() + CHECKPOINT_SECONDS
            if not record.ended:
                record.fail("internal", "The engine ended this answer without saying why.")
        except asyncio.CancelledError:
            record.fail("interrupted", "The server was stopped.", Pane.Status.INTERRUPTED)
            raise
        except RequestError as error:
            record.fail(error.code, error.message)
        except Exception:
            logger.exception("Watching run %s failed", record.pane.request_id)
            record.fail("internal", "The answer could not be recorded.")
        finally:
            try:
                await record.save()
            except DatabaseError:
                logger.exception("The end of run %s could not be saved", record.pane.request_id)

    async def start(self, run_id: UUID, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs `work`, the start of a run, to its end even if the caller goes away meanwhile. Only for a run
        that is `settled`, with no other await in between: one start at a time for each id."""
        task = asyncio.create_task(work, name=f"start {run_id}")
        self._starting[run_id] = task
        task.add_done_callback(lambda _: self._starting.pop(run_id, None))
        return await asyncio.shield(task)

    async def settled(self, run_id: UUID) -> None:
        """Waits until nobody is starting the run any more."""
        while (task := self._starting.get(run_id)) is not None:
            await asyncio.wait({task})

    async def idle(self) -> None:
        """Waits until every run that is watched now has ended and is saved."""
        while self._watching or self._starting:
            await asyncio.wait({*self._watching, *self._starting.values()})

    async def close(self) -> None:
        """Stops watching; what is still running is saved as interrupted."""
        tasks = {*self._watching, *self._starting.values()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


supervisor = RunSupervisor()
