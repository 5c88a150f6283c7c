"""What every `InferenceClient` does, whatever carries its requests to the engine.

A new implementation joins by a class like `InProcess` in `IMPLEMENTATIONS`. Its engine runs the hashing
model, so that the right text is known, and can be held so that a run stays where a test wants it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from inference import Engine, EngineConfig, GenerationRequest, InProcessClient, RequestError, SamplingParams
from inference.client import InferenceClient
from inference.request import Done, Event, Failed, Loading, Prefill, Queued, Tokens, is_terminal
from inference.tokenization import Tokenizer
from tests.inference.hashing_runner import HashingRunner, continuation
from tests.inference.small_tokenizers import byte_level, for_transformers

TOKENIZER = Tokenizer(for_transformers(byte_level()))


class InProcess:
    """An engine thread in this process."""

    @staticmethod
    @asynccontextmanager
    async def running(config: EngineConfig, runner: HashingRunner):
        client = InProcessClient(
            config, build=lambda config: Engine(config, runner=runner, tokenizer=TOKENIZER)
        )
        await client.start()
        try:
            yield client
        finally:
            runner.go_on()
            await client.close()


IMPLEMENTATIONS = [InProcess]


@pytest.fixture(params=IMPLEMENTATIONS, ids=lambda implementation: implementation.__name__)
def implementation(request):
    return request.param


@pytest.fixture
def config() -> EngineConfig:
    return EngineConfig(
        model="hash",
        block_size=4,
        max_model_len=64,
        kv_cache_tokens=512,
        max_num_seqs=3,
        max_waiting=2,
        adapter_slots=2,
    )


@pytest.fixture
def runner(config) -> HashingRunner:
    return HashingRunner(config, adapters=("a", "b", "c"))


@pytest.fixture
async def client(implementation, config, runner):
    async with implementation.running(config, runner) as client:
        yield client


def request(*prompt: int, adapter: str | None = None, **sampling) -> GenerationRequest:
    sampling = {"temperature": 0, "max_tokens": 8, "ignore_eos": True, **sampling}
    return GenerationRequest(
        prompt_token_ids=prompt or (5, 6, 7), adapter=adapter, sampling=SamplingParams(**sampling)
    )


def expected(*prompt: int, adapter: str | None = None) -> list[int]:
    """The tokens that answer `request` with the same arguments."""
    return continuation(list(prompt), adapter, 8, 64, ignore_eos=True)


async def read(client: InferenceClient, run_id: str, after: int = 0) -> list[Event]:
    return [event async for event in client.events(run_id, after)]


async def read_until(client: InferenceClient, run_id: str, kind: type, count: int = 1) -> list[Event]:
    """The run's events up to the `count`th of that kind."""
    seen = []
    async for event in client.events(run_id):
        seen.append(event)
        if sum(isinstance(e, kind) for e in seen) == count:
            return seen
    raise AssertionError(f"The run ended with {seen[-1]} before that.")


def token_ids(events: list[Event]) -> list[int]:
    return [token for event in events if isinstance(event, Tokens) for token in event.token_ids]


async def refusal(awaitable) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await awaitable
    return caught.value


# A run and its log


async def test_a_run_is_queued_read_told_and_done(client):
    req = request(adapter="a")
    run_id = await client.submit(req)
    assert run_id == req.request_id
    events = await read(client, run_id)
    assert [type(event) for event in events] == [Queued, Loading, Prefill, *[Tokens] * 8, Done]
    assert [event.seq for event in events] == list(range(1, 13))
    assert token_ids(events) == expected(*req.prompt_token_ids, adapter="a")
    text = "".join(event.text for event in events if isinstance(event, Tokens))
    assert text == TOKENIZER.decode(token_ids(events))
    done = events[-1]
    assert done.finish_reason == "length"
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (3, 8)
    assert 0 <= done.timings.queue_ms <= done.timings.first_token_ms <= done.timings.total_ms


async def test_every_cursor_yields_exactly_what_follows(client):
    run_id = await client.submit(request())
    events = await read(client, run_id)
    for after in range(len(events) + 1):
        assert await read(client, run_id, after) == events[after:]


async def test_a_cursor_beyond_the_end_ends_at_once(client):
    run_id = await client.submit(request())
    await read(client, run_id)
    assert await read(client, run_id, 1000) == []


async def test_a_run_can_be_left_and_taken_up_again_in_mid_stream(client, runner):
    runner.hold()
    run_id = await client.submit(request())
    runner.let(3)
    seen = await read_until(client, run_id, Tokens, count=3)
    runner.go_on()
    rest = await read(client, run_id, after=seen[-1].seq)
    assert token_ids(seen + rest) == expected(5, 6, 7)
    assert [event.seq for event in seen + rest] == list(range(1, len(seen + rest) + 1))


async def test_many_readers_see_the_same_whenever_they_come(client, runner):
    runner.hold()
    run_id = await client.submit(request())
    early = [asyncio.create_task(read(client, run_id)) for _ in range(5)]
    runner.let(2)
    await read_until(client, run_id, Tokens, count=2)
    middle = [asyncio.create_task(read(client, run_id)) for _ in range(5)]
    runner.go_on()
    logs = await asyncio.gather(*early, *middle)
    logs.append(await read(client, run_id))
    assert all(log == logs[0] for log in logs)
    assert len(token_ids(logs[0])) == 8


async def test_a_run_goes_on_when_its_reader_goes_away(client, runner):
    runner.hold()
    run_id = await client.submit(request())
    reader = asyncio.create_task(read(client, run_id))
    runner.let(1)
    await read_until(client, run_id, Tokens)
    reader.cancel()
    runner.go_on()
    assert len(token_ids(await read(client, run_id))) == 8


async def test_runs_at_the_same_time_each_get_their_own_text(client):
    requests = [request(10 + i, adapter=name) for i, name in enumerate([None, "a", "b", "c", None])]
    run_ids = [await client.submit(r) for r in requests]
    logs = await asyncio.gather(*(read(client, run_id) for run_id in run_ids))
    for req, log in zip(requests, logs, strict=True):
        assert token_ids(log) == expected(*req.prompt_token_ids, adapter=req.adapter)


async def test_logprobs_come_with_the_tokens_when_asked_for(client):
    run_id = await client.submit(request(logprobs=2))
    tokens = [event for event in await read(client, run_id) if isinstance(event, Tokens)]
    assert all(event.logprobs[0].token_id == event.token_ids[0] for event in tokens)
    assert all(len(event.logprobs[0].top) == 2 for event in tokens)


async def test_an_unknown_run_has_neither_events_nor_an_end(client):
    assert (await refusal(read(client, "nothing"))).code == "unknown_run"
    assert (await refusal(client.cancel("nothing"))).code == "unknown_run"


# Submitting


async def test_an_equal_request_submitted_again_is_the_same_run(client):
    req = request()
    again = GenerationRequest.from_wire(req.to_wire())
    assert await client.submit(req) == await client.submit(again)
    events = await read(client, req.request_id)
    assert await client.submit(again) == req.request_id
    assert await read(client, req.request_id) == events
    assert token_ids(events) == expected(5, 6, 7)


async def test_another_request_under_a_known_id_is_refused(client):
    req = request()
    await client.submit(req)
    other = GenerationRequest(prompt_token_ids=(9,), request_id=req.request_id)
    assert (await refusal(client.submit(other))).code == "duplicate_run"
    assert len(token_ids(await read(client, req.request_id))) == 8


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (GenerationRequest(""), "empty_prompt"),
        (GenerationRequest(prompt_token_ids=()), "empty_prompt"),
        (GenerationRequest(prompt_token_ids=(100_000,)), "invalid_parameter"),
        (GenerationRequest(prompt_token_ids=(5,) * 64), "prompt_too_long"),
        (GenerationRequest("x" * 50_000), "prompt_too_long"),
        (GenerationRequest("half a pair: \ud800"), "invalid_parameter"),
        (GenerationRequest("hello", adapter="nobody"), "unknown_adapter"),
    ],
    ids=[
        "no text",
        "no tokens",
        "no such token",
        "too many tokens",
        "too long a text",
        "no unicode",
        "adapter",
    ],
)
async def test_a_request_that_cannot_be_served_is_refused_and_leaves_no_run(client, bad, code):
    error = await refusal(client.submit(bad))
    assert error.code == code
    assert error.message.endswith(".")
    assert (await refusal(read(client, bad.request_id))).code == "unknown_run"


async def test_a_full_queue_refuses_until_there_is_room_again(client, runner, config):
    runner.hold()
    most = config.max_num_seqs + config.max_waiting
    run_ids = [await client.submit(request(10 + i)) for i in range(most)]
    refused = request(50)
    assert (await refusal(client.submit(refused))).code == "overloaded"
    runner.go_on()
    await asyncio.gather(*(read(client, run_id) for run_id in run_ids))
    assert len(token_ids(await read(client, await client.submit(refused)))) == 8


async def test_those_who_wait_are_told_their_place(client, runner, config):
    runner.hold()
    for i in range(config.max_num_seqs):
        run_id = await client.submit(request(10 + i, max_tokens=40))
        runner.let(1)
        await read_until(client, run_id, Prefill)
    waiting = [await client.submit(request(50 + i)) for i in range(2)]
    runner.let(1)
    places = [(await read_until(client, run_id, Queued))[-1].position for run_id in waiting]
    assert places == [1, 2]
    runner.go_on()
    for run_id in waiting:
        assert len(token_ids(await read(client, run_id))) == 8


# Cancelling


async def test_cancelling_ends_a_running_run_with_what_it_has(client, runner):
    runner.hold()
    run_id = await client.submit(request(max_tokens=40))
    runner.let(3)
    await read_until(client, run_id, Tokens, count=3)
    await client.cancel(run_id)
    runner.go_on()
    events = await read(client, run_id)
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason == "cancelled"
    # The step under way when the command came may have made one token more, never two.
    assert 3 <= len(token_ids(events)) <= 4
    assert events[-1].usage.completion_tokens == len(token_ids(events))
    stats = await client.stats()
    assert (stats.running, stats.kv_blocks_used) == (0, 0)


async def test_cancelling_ends_a_waiting_run(client, runner, config):
    runner.hold()
    for i in range(config.max_num_seqs):
        await client.submit(request(10 + i))
    waiting = await client.submit(request(50))
    await client.cancel(waiting)
    runner.go_on()
    events = await read(client, waiting)
    assert [type(event) for event in events if not isinstance(event, Queued)] == [Done]
    assert events[-1].finish_reason == "cancelled"
    assert events[-1].timings.first_token_ms is None


async def test_cancelling_one_run_leaves_the_others_alone(client, runner):
    runner.hold()
    kept, dropped = await client.submit(request(10)), await client.submit(request(11))
    runner.let(2)
    await read_until(client, dropped, Tokens)
    await client.cancel(dropped)
    runner.go_on()
    assert len(token_ids(await read(client, kept))) == 8


async def test_cancelling_an_ended_run_changes_nothing(client):
    run_id = await client.submit(request())
    events = await read(client, run_id)
    await client.cancel(run_id)
    assert await read(client, run_id) == events


# Adapters


async def test_adapters_are_loaded_listed_pinned_and_unloaded(client):
    info = await client.load_adapter("new", "anywhere")
    assert info.name == "new"
    await client.pin_adapter("new")
    (listed,) = [info for info in await client.adapters() if info.name == "new"]
    assert listed.pinned
    run_id = await client.submit(request(adapter="new"))
    assert token_ids(await read(client, run_id)) == expected(5, 6, 7, adapter="new")
    await client.unload_adapter("new")
    assert "new" not in {info.name for info in await client.adapters()}
    assert (await refusal(client.submit(request(adapter="new")))).code == "unknown_adapter"
    assert (await refusal(client.unload_adapter("new"))).code == "unknown_adapter"


async def test_an_adapter_cannot_be_unloaded_while_it_runs(client, runner):
    runner.hold()
    run_id = await client.submit(request(adapter="a"))
    runner.let(1)
    await read_until(client, run_id, Tokens)
    unloading = asyncio.create_task(client.unload_adapter("a"))
    await asyncio.sleep(0)  # the command is on its way before the step ends
    runner.let(1)
    assert (await refusal(unloading)).code == "adapter_in_use"
    runner.go_on()
    assert len(token_ids(await read(client, run_id))) == 8


async def test_an_adapter_that_is_no_adapter_is_refused(client, runner):
    runner.adapters.broken.add("bad")
    assert (await refusal(client.load_adapter("bad", "anywhere"))).code == "adapter_invalid"


async def test_an_adapter_that_breaks_fails_its_runs_alone(client, runner):
    runner.adapters.broken.add("b")
    good, bad = await client.submit(request(adapter="a")), await client.submit(request(adapter="b"))
    assert (await read(client, bad))[-1].code == "adapter_invalid"
    assert len(token_ids(await read(client, good))) == 8


async def test_more_adapters_than_slots_all_get_their_turn(client):
    run_ids = [await client.submit(request(10, adapter=name)) for name in "abc"]
    for run_id, name in zip(run_ids, "abc", strict=True):
        assert token_ids(await read(client, run_id)) == expected(10, adapter=name)


async def test_one_bad_run_ends_one_run(client, runner):
    runner.fails_on = {77}
    good, bad = await client.submit(request(10)), await client.submit(request(77))
    failure = (await read(client, bad))[-1]
    assert isinstance(failure, Failed)
    assert failure.code == "internal"
    assert len(token_ids(await read(client, good))) == 8


# The engine


async def test_stats_tell_what_runs(client, runner):
    runner.hold()
    run_id = await client.submit(request(adapter="a"))
    runner.let(1)
    await read_until(client, run_id, Tokens)
    stats = await client.stats()
    assert (stats.running, stats.batch, stats.max_model_len) == (1, ("a",), 64)
    assert stats.kv_blocks_used > 0


async def test_tokens_are_counted_with_the_beginning_token(client):
    assert await client.count_tokens("The dog") == len(TOKENIZER.encode("The dog"))


async def test_a_conversation_becomes_a_prompt(client):
    messages = [{"role": "user", "content": "Hi"}, {"role": "user", "content": "there"}]
    assert await client.render_chat(messages) == "Hi\n\nthere"


async def test_closing_ends_every_run_and_takes_no_more(implementation, config, runner):
    runner.hold()
    async with implementation.running(config, runner) as client:
        running = await client.submit(request(10))
        runner.let(2)
        await read_until(client, running, Tokens)
        waiting = [await client.submit(request(20 + i)) for i in range(3)]
        readers = [asyncio.create_task(read(client, run_id)) for run_id in [running, *waiting]]
        await asyncio.sleep(0)
        runner.go_on()
    for log in await asyncio.gather(*readers):
        assert [is_terminal(event) for event in log] == [False] * (len(log) - 1) + [True]
        assert isinstance(log[-1], Done) or log[-1].code == "interrupted"
        assert [event.seq for event in log] == list(range(1, len(log) + 1))
    assert (await refusal(client.submit(request(30)))).code == "unavailable"
    assert (await refusal(client.stats())).code == "unavailable"
    assert (await read(client, running))[-1] == (await readers[0])[-1]
