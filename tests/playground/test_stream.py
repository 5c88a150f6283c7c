"""How events become frames: what waits, what does not, and what is told once the log is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from inference.request import Done, Prefill, Queued, Timings, Tokens, Usage
from playground import stream
from playground.models import Pane


def token(seq: int, text: str = "x") -> Tokens:
    return Tokens(seq, text, (seq,))


DONE = Done(99, "stop", Usage(1, 3), Timings(0.0, 10.0, 30.0))


async def source(*events, after: dict[int, float] | None = None) -> AsyncIterator:
    """`events`, with a pause of so many seconds before the one at an index."""
    for index, event in enumerate(events):
        await asyncio.sleep((after or {}).get(index, 0))
        yield event


async def collect(events, interval: float) -> list[dict]:
    return [frame async for frame in stream.frames(events, interval)]


async def test_the_first_token_goes_out_alone_and_the_rest_together():
    events = source(Queued(1, 1), Prefill(2, 5), *(token(seq, str(seq)) for seq in range(3, 9)), DONE)
    frames = await collect(events, interval=60)
    assert [(frame["kind"], frame["seq"]) for frame in frames] == [
        ("queued", 1),
        ("prefill", 2),
        ("tokens", 3),
        ("tokens", 8),
        ("done", 99),
    ]
    assert (frames[3]["text"], frames[3]["count"]) == ("45678", 5)


async def test_without_an_interval_every_token_is_its_own_frame():
    frames = await collect(source(*(token(seq) for seq in range(1, 6)), DONE), interval=0)
    assert [frame["kind"] for frame in frames] == ["tokens"] * 5 + ["done"]


async def test_held_text_is_sent_when_its_time_comes_though_nothing_follows():
    waiting = asyncio.Event()

    async def events():
        yield token(1, "a")
        yield token(2, "b")
        await waiting.wait()
        yield DONE

    frames = stream.frames(events(), interval=0.01)
    assert (await anext(frames))["text"] == "a"
    assert (await asyncio.wait_for(anext(frames), 5))["text"] == "b"
    waiting.set()
    assert (await anext(frames))["kind"] == "done"


async def test_a_frame_carries_no_token_ids_and_the_end_carries_the_speed():
    tokens, done = await collect(source(token(1), DONE), interval=0)
    assert tokens == {"kind": "tokens", "seq": 1, "text": "x", "count": 1}
    assert done["tokens_per_second"] == pytest.approx(100.0)  # two tokens after the first in 20 ms


async def test_closing_the_frames_lets_go_of_the_events():
    released = asyncio.Event()

    async def events():
        try:
            yield token(1)
            await asyncio.Event().wait()
        finally:
            released.set()

    frames = stream.frames(events(), interval=0)
    await anext(frames)
    step = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    assert released.is_set()


async def test_closing_the_frames_between_two_of_them_lets_go_as_well():
    released = asyncio.Event()

    async def events():
        try:
            yield token(1)
            yield token(2)
        finally:
            released.set()

    frames = stream.frames(events(), interval=0)
    await anext(frames)
    await frames.aclose()
    assert released.is_set()


async def test_an_error_of_the_source_comes_through():
    async def events():
        yield token(1)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await collect(events(), interval=0)


def test_a_failed_pane_is_told_with_its_text_and_its_error():
    pane = Pane(
        text="par",
        marks=[[3, 3, 1]],
        last_seq=4,
        status=Pane.Status.FAILED,
        error_code="adapter_invalid",
        error_message="It is damaged.",
    )
    tokens, error = stream.recorded(pane, after=0)
    assert (tokens["text"], tokens["count"], tokens["seq"]) == ("par", 1, 3)
    assert error == {"kind": "error", "seq": 4, "code": "adapter_invalid", "message": "It is damaged."}
