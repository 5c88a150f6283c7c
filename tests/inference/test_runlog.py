"""How long logs are kept, and what reading them costs the writer."""

from __future__ import annotations

import asyncio

import pytest

from inference.request import Failed, GenerationRequest, Queued, RequestError
from inference.runlog import RunLog


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def end(log: RunLog, run_id: str) -> None:
    log.open(GenerationRequest("x", request_id=run_id))
    log.append(run_id, Failed(1, "internal", "It failed."))


async def read(log: RunLog, run_id: str) -> list:
    return [event async for event in log.events(run_id)]


async def test_a_log_is_kept_for_its_time_after_the_runs_end_and_then_forgotten(clock):
    log = RunLog(keep_seconds=10, clock=clock)
    end(log, "run")
    clock.now += 9.9
    assert len(await read(log, "run")) == 1
    clock.now += 0.1
    with pytest.raises(RequestError) as caught:
        await read(log, "run")
    assert caught.value.code == "unknown_run"


async def test_a_run_that_goes_on_is_kept_however_long_it_takes(clock):
    log = RunLog(keep_seconds=10, clock=clock)
    log.open(GenerationRequest("x", request_id="run"))
    log.append("run", Queued(1, 1))
    clock.now += 1000
    log.append("run", Failed(2, "internal", "It failed."))
    assert len(await read(log, "run")) == 2


async def test_of_many_ended_runs_the_last_are_kept(clock):
    log = RunLog(keep_runs=2, clock=clock)
    for name in ("first", "second", "third"):
        end(log, name)
    assert len(await read(log, "second")) == len(await read(log, "third")) == 1
    with pytest.raises(RequestError):
        await read(log, "first")


async def test_a_reader_reads_on_when_its_run_is_forgotten_meanwhile(clock):
    log = RunLog(keep_seconds=10, clock=clock)
    log.open(GenerationRequest("x", request_id="run"))
    log.append("run", Queued(1, 2))
    log.append("run", Queued(2, 1))
    log.append("run", Failed(3, "internal", "It failed."))
    reader = log.events("run")
    assert await anext(reader) == Queued(1, 2)
    clock.now += 11
    assert [event.seq async for event in reader] == [2, 3]


async def test_a_reader_that_goes_away_leaves_no_trace():
    log = RunLog()
    log.open(GenerationRequest("x", request_id="run"))
    reader = asyncio.create_task(read(log, "run"))
    while not log._runs["run"].waiters:
        await asyncio.sleep(0)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert log._runs["run"].waiters == []


async def test_readers_wake_once_for_all_that_was_appended():
    log = RunLog()
    log.open(GenerationRequest("x", request_id="run"))
    reader = asyncio.create_task(read(log, "run"))
    while not log._runs["run"].waiters:
        await asyncio.sleep(0)
    for seq in range(1, 50):
        log.append("run", Queued(seq, 100 - seq))
    log.append("run", Failed(50, "internal", "It failed."))
    assert len(log._to_wake) == 1
    log.wake()
    assert len(await reader) == 50


def test_waking_a_reader_whose_loop_is_closed_is_no_error():
    log = RunLog()
    log.open(GenerationRequest("x", request_id="run"))
    loop = asyncio.new_event_loop()
    reader = loop.create_task(read(log, "run"))
    loop.run_until_complete(asyncio.sleep(0))
    assert log._runs["run"].waiters
    waiting = list(log._runs["run"].waiters)
    log.append("run", Failed(1, "internal", "It failed."))
    reader.cancel()
    loop.run_until_complete(asyncio.gather(reader, return_exceptions=True))
    loop.close()
    log._to_wake = waiting
    log.wake()
