"""From engine events to the frames a browser gets: paced, and from the database once the log is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from inference.request import Done, Event, Failed, Timings, Tokens, Usage, to_wire
from playground.models import Pane
from playground.world import current_world

INTERVAL_SECONDS = 0.04
INTERRUPTED = "The server stopped while this answer was being written. Run it again."

Frame = dict[str, Any]


def frame(event: Event) -> Frame:
    """One event as a browser gets it: token ids and log probabilities stay behind."""
    if isinstance(event, Tokens):
        return {"kind": event.kind, "seq": event.seq, "text": event.text, "count": len(event.token_ids)}
    wire = to_wire(event)
    if isinstance(event, Done):
        wire["tokens_per_second"] = event.timings.tokens_per_second(event.usage.completion_tokens)
    elif isinstance(event, Failed):
        wire["message"] = current_world().public(event.message)
    return wire


def merged(held: Frame | None, new: Frame) -> Frame:
    if held is None:
        return new
    return {**new, "text": held["text"] + new["text"], "count": held["count"] + new["count"]}


async def frames(events: AsyncIterator[Event], interval: float = INTERVAL_SECONDS) -> AsyncGenerator[Frame]:
    """Frames for `events`. The first token goes out at once, later ones together, at most one frame each
    `interval` seconds; everything else goes out at once, after the text before it.

    While the receiver is slow nothing piles up here: one event is asked for at a time.
    """
    clock = asyncio.get_running_loop().time
    held: Frame | None = None
    not_before = 0.0
    upcoming: asyncio.Task | None = None
    try:
        while True:
            if upcoming is None:
                upcoming = asyncio.ensure_future(_next(events))
            patience = None if held is None else max(0.0, not_before - clock())
            await asyncio.wait({upcoming}, timeout=patience)
            if not upcoming.done():
                not_before = clock() + interval
                yield held
                held = None
                continue
            event = upcoming.result()
            upcoming = None
            if isinstance(event, Tokens):
                held = merged(held, frame(event))
                if clock() < not_before:
                    continue
                not_before = clock() + interval
            if held is not None:
                yield held
                held = None
            if event is None:
                return
            if not isinstance(event, Tokens):
                yield frame(event)
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
        if isinstance(events, AsyncGenerator):
            await events.aclose()


async def _next(events: AsyncIterator[Event]) -> Event | None:
    try:
        return await anext(events)
    except StopAsyncIteration:
        return None


def recorded(pane: Pane, after: int) -> Iterator[Frame]:
    """The frames of an ended pane after event `after`, from its row: the rest of the text, then the end."""
    interrupted = pane.status in (Pane.Status.INTERRUPTED, Pane.Status.RUNNING)
    if not interrupted and after >= pane.last_seq:
        return
    seen, counted, total, newest = 0, 0, 0, after
    for seq, length, count in pane.marks:
        if seq <= after:
            seen, counted = length, count
        total, newest = count, max(newest, seq)
    if pane.text[seen:]:
        yield {"kind": "tokens", "seq": newest, "text": pane.text[seen:], "count": total - counted}
    # A reader may have seen more than was saved before the interruption; the end must still come after it.
    last = newest + 1 if interrupted else pane.last_seq
    if interrupted:
        yield frame(Failed(last, "interrupted", INTERRUPTED))
    elif pane.status == Pane.Status.FAILED:
        yield frame(Failed(last, pane.error_code, pane.error_message))
    else:
        yield frame(Done(last, pane.finish_reason, Usage(**pane.usage), Timings(**pane.timings)))
