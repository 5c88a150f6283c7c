"""The engine's thread: how it starts, ends, and what becomes of its runs when it dies."""

from __future__ import annotations

import asyncio
import threading

import pytest

from inference import Engine, EngineConfig, GenerationRequest, InProcessClient, RequestError, SamplingParams
from inference.request import Done, Event, Failed, Prefill, Tokens
from inference.tokenization import Tokenizer
from tests.inference.hashing_runner import HashingRunner
from tests.inference.small_tokenizers import byte_level, for_transformers

CONFIG = EngineConfig(model="hash", block_size=4, max_model_len=64, kv_cache_tokens=512, max_num_seqs=2)
TOKENIZER = Tokenizer(for_transformers(byte_level()))


@pytest.fixture
def runner() -> HashingRunner:
    return HashingRunner(CONFIG, adapters=("a",))


def make_client(runner: HashingRunner, **options) -> InProcessClient:
    build = lambda config: Engine(config, runner=runner, tokenizer=TOKENIZER)  # noqa: E731
    return InProcessClient(CONFIG, build=build, **options)


def request(max_tokens: int = 8) -> GenerationRequest:
    return GenerationRequest(
        prompt_token_ids=(5, 6),
        sampling=SamplingParams(max_tokens=max_tokens, temperature=0, ignore_eos=True),
    )


async def read(client: InProcessClient, run_id: str) -> list[Event]:
    return [event async for event in client.events(run_id)]


async def first(client: InProcessClient, run_id: str, kind: type) -> Event:
    async for event in client.events(run_id):
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind}")


async def unavailable(awaitable) -> None:
    with pytest.raises(RequestError) as caught:
        await awaitable
    assert caught.value.code == "unavailable"


async def test_a_missing_checkpoint_is_a_sentence_that_names_it(tmp_path):
    client = InProcessClient(EngineConfig(model=tmp_path / "nowhere"))
    with pytest.raises(RuntimeError, match="nowhere"):
        await client.start()
    await unavailable(client.stats())
    await client.close()


async def test_before_start_nothing_is_available(runner):
    client = make_client(runner)
    await unavailable(client.submit(request()))
    await unavailable(client.adapters())
    await client.close()


async def test_a_client_starts_once(runner):
    async with make_client(runner) as client:
        with pytest.raises(RuntimeError, match="started before"):
            await client.start()


async def test_closing_while_the_model_loads_waits_and_then_stops(runner):
    may_load = threading.Event()

    def build(config: EngineConfig) -> Engine:
        assert may_load.wait(30)
        return Engine(config, runner=runner, tokenizer=TOKENIZER)

    client = InProcessClient(CONFIG, build=build)
    starting = asyncio.create_task(client.start())
    await asyncio.sleep(0)
    starting.cancel()
    closing = asyncio.create_task(client.close())
    await asyncio.sleep(0)
    may_load.set()
    await closing
    await unavailable(client.submit(request()))


async def test_closing_with_time_to_drain_lets_runs_end(runner):
    client = make_client(runner)
    await client.start()
    run_ids = [await client.submit(request(max_tokens=20)) for _ in range(5)]
    await client.close(drain_seconds=30)
    for run_id in run_ids:
        assert isinstance((await read(client, run_id))[-1], Done)


async def test_while_draining_nothing_new_is_taken(runner):
    client = make_client(runner)
    await client.start()
    runner.hold()
    run_id = await client.submit(request())
    await first(client, run_id, Prefill)
    closing = asyncio.create_task(client.close(drain_seconds=30))
    await asyncio.sleep(0)
    await unavailable(client.submit(request()))
    runner.go_on()
    await closing
    assert isinstance((await read(client, run_id))[-1], Done)


async def test_when_the_engine_dies_its_runs_end_as_interrupted_and_commands_are_refused(runner, caplog):
    client = make_client(runner)
    await client.start()
    runner.hold()
    run_ids = [await client.submit(request()) for _ in range(4)]
    readers = [asyncio.create_task(read(client, run_id)) for run_id in run_ids]
    await first(client, run_ids[0], Prefill)
    loading = asyncio.create_task(client.load_adapter("new", "anywhere"))
    await asyncio.sleep(0)
    runner.breaks = SystemExit()
    runner.go_on()
    for log in await asyncio.gather(*readers):
        assert isinstance(log[-1], Failed)
        assert log[-1].code == "interrupted"
    await unavailable(loading)
    await unavailable(client.submit(request()))
    await unavailable(client.stats())
    assert "thread has died" in caplog.text
    await client.close()


async def test_a_command_that_raises_does_not_end_the_engine(runner):
    runner.adapters.broken.add("bad")
    async with make_client(runner) as client:
        with pytest.raises(RequestError):
            await client.load_adapter("bad", "anywhere")
        assert isinstance((await read(client, await client.submit(request())))[-1], Done)


async def test_events_are_read_on_any_event_loop(runner):
    async with make_client(runner) as client:
        runner.hold()
        run_id = await client.submit(request())
        elsewhere = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(read(client, run_id))))
        here = asyncio.create_task(read(client, run_id))
        runner.let(2)
        await first(client, run_id, Tokens)
        runner.go_on()
        assert await elsewhere == await here


async def test_requests_come_from_many_threads_at_once(runner):
    async with make_client(runner) as client:

        async def use() -> list[list[Event]]:
            run_ids = [await client.submit(request()) for _ in range(10)]
            return [await read(client, run_id) for run_id in run_ids]

        parts = await asyncio.gather(*(asyncio.to_thread(lambda: asyncio.run(use())) for _ in range(8)))
    assert all(isinstance(log[-1], Done) for part in parts for log in part)


async def test_a_log_that_is_no_longer_kept_is_an_unknown_run(runner):
    async with make_client(runner, keep_runs=1) as client:
        old, new = await client.submit(request()), await client.submit(request())
        await read(client, old)
        await read(client, new)
        with pytest.raises(RequestError) as caught:
            await read(client, old)
        assert caught.value.code == "unknown_run"


async def test_an_idle_engine_sleeps_until_it_is_called(runner):
    async with make_client(runner) as client:
        await read(client, await client.submit(request()))
        steps = len(runner.batches)
        while not client._news._waiters:  # until its thread waits, which it does without a time limit
            await asyncio.sleep(0)
        assert len(runner.batches) == steps
        assert isinstance((await read(client, await client.submit(request())))[-1], Done)
