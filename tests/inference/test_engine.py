"""The engine's own surface: what it accepts, how answers end, and that one bad request ends one request."""

from __future__ import annotations

import pytest

from inference import Engine, EngineConfig, GenerationRequest, RequestError, SamplingParams
from inference.request import Done, Failed, Loading, Prefill, Queued, Tokens
from inference.tokenization import Tokenizer
from tests.inference.hashing_runner import EOS, HashingRunner, continuation
from tests.inference.small_tokenizers import byte_level, for_transformers

TOKENIZER = Tokenizer(for_transformers(byte_level()))


def make_engine(adapters: tuple[str, ...] = ("a", "b", "c"), **config) -> Engine:
    config = EngineConfig(
        **{"model": "hash", "block_size": 4, "max_model_len": 64, "kv_cache_tokens": 512, **config}
    )
    return Engine(config, runner=HashingRunner(config, adapters), tokenizer=TOKENIZER)


def request(*prompt: int, adapter: str | None = None, **sampling) -> GenerationRequest:
    sampling = {"temperature": 0, "max_tokens": 8, **sampling}
    return GenerationRequest(
        prompt_token_ids=prompt or (5, 6, 7), adapter=adapter, sampling=SamplingParams(**sampling)
    )


def expected(req: GenerationRequest, max_model_len: int = 64) -> tuple[int, ...]:
    return tuple(continuation(req.prompt_token_ids, req.adapter, req.sampling.max_tokens, max_model_len))


def run_to_the_end(engine: Engine) -> None:
    while engine.has_work:
        engine.step()


# What comes out


def test_outputs_come_in_request_order_whatever_their_length_and_adapter():
    requests = [
        request(10 + i, adapter=name, max_tokens=3 + (i * 5) % 11)
        for i, name in enumerate([None, "a", "b", None, "a", "c"])
    ]
    outputs = make_engine().generate(requests)
    assert [output.request_id for output in outputs] == [r.request_id for r in requests]
    assert [output.token_ids for output in outputs] == [expected(r) for r in requests]
    assert [output.adapter for output in outputs] == [r.adapter for r in requests]


def test_more_requests_than_may_queue_are_all_answered():
    requests = [request(10 + i) for i in range(20)]
    outputs = make_engine(max_num_seqs=2, max_waiting=1).generate(requests)
    assert [output.token_ids for output in outputs] == [expected(r) for r in requests]


def test_a_prompt_of_text_is_tokenized_with_its_beginning_token():
    (output,) = make_engine().generate([GenerationRequest("The dog", sampling=SamplingParams(max_tokens=1))])
    assert output.prompt_token_ids == TOKENIZER.encode("The dog")


def test_an_output_tells_usage_and_timings_in_order():
    (output,) = make_engine().generate([request(max_tokens=5, ignore_eos=True)])
    assert output.usage.prompt_tokens == 3
    assert output.usage.completion_tokens == 5 == len(output.token_ids)
    assert 0 <= output.timings.queue_ms <= output.timings.first_token_ms <= output.timings.total_ms


def test_logprobs_describe_every_token():
    (output,) = make_engine().generate([request(max_tokens=4, ignore_eos=True, logprobs=2)])
    assert tuple(entry.token_id for entry in output.logprobs) == output.token_ids
    for entry in output.logprobs:
        assert entry.top[0] == (entry.token_id, entry.text, entry.logprob)
        assert len(entry.top) == 2
        assert entry.text == TOKENIZER.token_text(entry.token_id)


def test_the_events_of_a_request_come_in_order_and_carry_its_text():
    engine = make_engine()
    events = []
    answer = engine.add_request(request(max_tokens=3, adapter="a", ignore_eos=True), events.append)
    run_to_the_end(engine)
    assert [type(event) for event in events] == [Queued, Loading, Prefill, Tokens, Tokens, Tokens, Done]
    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert "".join(event.text for event in events[3:6]) == answer.output.text
    assert events[-1].usage == answer.output.usage


# How answers end


def prompt_that_ends() -> GenerationRequest:
    """A request whose answer reaches the end-of-text token within 30 tokens, not at once."""
    candidates = (request(first, max_tokens=30) for first in range(3, 400))
    return next(r for r in candidates if 3 < len(expected(r)) < 30)


def test_the_end_of_text_token_stops_and_has_no_text():
    req = prompt_that_ends()
    (output,) = make_engine().generate([req])
    assert output.finish_reason == "stop"
    assert output.token_ids == expected(req)
    assert output.token_ids[-1] == EOS
    assert "</s>" not in output.text


def test_ignore_eos_goes_on_to_max_tokens():
    req = prompt_that_ends()
    (output,) = make_engine().generate([request(*req.prompt_token_ids, max_tokens=30, ignore_eos=True)])
    assert output.finish_reason == "length"
    assert len(output.token_ids) == 30
    assert output.token_ids[: len(expected(req))] == expected(req)


def test_an_answer_ends_where_the_models_length_does():
    (output,) = make_engine(max_model_len=16).generate([request(5, 6, max_tokens=100, ignore_eos=True)])
    assert output.finish_reason == "length"
    assert len(output.token_ids) == 14


def test_a_stop_string_ends_the_answer_before_itself():
    engine = make_engine()
    (whole,) = engine.generate([request(max_tokens=20, ignore_eos=True)])
    stop = whole.text[4:7]
    (output,) = engine.generate([request(max_tokens=20, ignore_eos=True, stop=(stop,))])
    assert output.finish_reason == "stop"
    assert output.text == whole.text[: whole.text.index(stop)]
    assert len(output.token_ids) < 20


def test_text_held_back_for_a_stop_string_that_never_came_is_told_at_the_end():
    engine = make_engine()
    (whole,) = engine.generate([request(max_tokens=6, ignore_eos=True)])
    events = []
    stop = whole.text[-3:] + "never"
    answer = engine.add_request(request(max_tokens=6, ignore_eos=True, stop=(stop,)), events.append)
    run_to_the_end(engine)
    assert answer.output.text == whole.text
    assert "".join(event.text for event in events if isinstance(event, Tokens)) == whole.text


# Cancelling


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_a_cancelled_request_ends_at_once_with_what_it_has(steps):
    engine = make_engine()
    events = []
    req = request(max_tokens=20, ignore_eos=True)
    answer = engine.add_request(req, events.append)
    for _ in range(steps):
        engine.step()
    engine.cancel(req.request_id)
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason == "cancelled"
    assert len(answer.output.token_ids) == steps
    assert not engine.has_work
    assert engine.blocks.num_used == 0


def test_text_held_back_when_a_request_is_cancelled_is_told():
    engine = make_engine()
    (whole,) = engine.generate([request(max_tokens=2, ignore_eos=True)])
    events = []
    req = request(max_tokens=20, ignore_eos=True, stop=(whole.text + "never",))
    engine.add_request(req, events.append)
    engine.step()
    engine.step()
    assert not any(event.text for event in events if isinstance(event, Tokens))
    engine.cancel(req.request_id)
    assert "".join(event.text for event in events if isinstance(event, Tokens)) == whole.text


def test_cancelling_what_has_ended_or_never_was_does_nothing():
    engine = make_engine()
    req = request()
    engine.generate([req])
    engine.cancel(req.request_id)
    engine.cancel("no such run")


# What is refused


def refused(engine: Engine, req: GenerationRequest) -> RequestError:
    with pytest.raises(RequestError) as caught:
        engine.add_request(req)
    assert not engine.has_work
    return caught.value


def test_a_prompt_that_leaves_no_room_for_an_answer_is_refused_with_the_numbers():
    engine = make_engine(max_model_len=16)
    error = refused(engine, request(*range(3, 19)))
    assert error.code == "prompt_too_long"
    assert "16 tokens" in error.message
    assert "at most 15" in error.message
    (output,) = engine.generate([request(*range(3, 18), max_tokens=9)])
    assert len(output.token_ids) == 1


def test_a_prompt_longer_than_the_cache_is_refused_too():
    engine = make_engine(max_model_len=64, kv_cache_tokens=16)
    assert refused(engine, request(*range(3, 19))).code == "prompt_too_long"


@pytest.mark.parametrize("prompt", [{"prompt": ""}, {"prompt_token_ids": ()}])
def test_an_empty_prompt_is_refused(prompt):
    assert refused(make_engine(), GenerationRequest(**prompt)).code == "empty_prompt"


@pytest.mark.parametrize("token", [-1, 420, 1.5, True, "x"])
def test_token_ids_outside_the_vocabulary_are_refused(token):
    error = refused(make_engine(), GenerationRequest(prompt_token_ids=(5, token)))
    assert error.code == "invalid_parameter"
    assert "419" in error.message


def test_an_unknown_adapter_is_refused():
    error = refused(make_engine(), request(adapter="nobody"))
    assert error.code == "unknown_adapter"
    assert "nobody" in error.message


def test_a_full_queue_refuses_and_takes_requests_again_later():
    engine = make_engine(max_num_seqs=1, max_waiting=1)
    engine.add_request(request())
    engine.add_request(request())
    with pytest.raises(RequestError) as caught:
        engine.add_request(request())
    assert caught.value.code == "overloaded"
    run_to_the_end(engine)
    engine.add_request(request())


def test_a_request_id_that_is_running_is_refused():
    engine = make_engine()
    req = request()
    engine.add_request(req)
    with pytest.raises(RequestError) as caught:
        engine.add_request(req)
    assert caught.value.code == "duplicate_run"


# One bad request ends one request


def failing_beside_others(engine: Engine, bad: GenerationRequest) -> RequestError:
    """Runs `bad` between two good requests and returns its error; the good ones get their whole text."""
    good = [request(11), request(12, adapter="a", max_tokens=20)]
    events = []
    answers = [engine.add_request(good[0])]
    failed = engine.add_request(bad, events.append)
    answers.append(engine.add_request(good[1]))
    run_to_the_end(engine)
    assert [answer.output.token_ids for answer in answers] == [expected(r) for r in good]
    assert events[-1] == Failed(events[-1].seq, failed.output.error.code, failed.output.error.message)
    assert engine.blocks.num_used == 0
    return failed.output.error


def test_a_step_that_raises_fails_only_the_sequence_that_makes_it_raise():
    engine = make_engine()
    engine.runner.fails_on = {77}
    error = failing_beside_others(engine, request(50, 77, 51))
    assert error.code == "internal"
    assert "on fire" not in error.message


def test_a_sequence_that_fails_while_decoding_fails_alone_too():
    engine = make_engine()
    bad = request(50, ignore_eos=True)
    engine.runner.fails_on = {expected(bad)[3]}
    others = {*expected(request(11)), *expected(request(12, adapter="a", max_tokens=20)), 11, 12}
    assert engine.runner.fails_on.isdisjoint(others)
    assert failing_beside_others(engine, bad).code == "internal"


def test_output_that_is_not_a_number_fails_its_own_request():
    engine = make_engine()
    engine.runner.nan_on = {77}
    error = failing_beside_others(engine, request(50, 77))
    assert error.code == "internal"
    assert "not a number" in error.message


def test_an_adapter_that_cannot_be_loaded_fails_its_own_requests():
    engine = make_engine()
    engine.runner.adapters.broken = {"b"}
    assert failing_beside_others(engine, request(adapter="b")).code == "adapter_invalid"


def test_an_adapter_unloaded_while_requests_wait_fails_those_requests():
    engine = make_engine()
    bad = engine.add_request(request(adapter="b"))
    engine.unload_adapter("b")
    engine.step()
    assert bad.output.error.code == "unknown_adapter"


def test_text_that_cannot_be_decoded_fails_its_own_request(monkeypatch):
    engine = make_engine()
    bad = request(50, ignore_eos=True)
    culprit = expected(bad)[1]
    sound = TOKENIZER.token_bytes

    def token_bytes(token_id: int) -> bytes:
        if token_id == culprit:
            raise IndexError(token_id)
        return sound(token_id)

    monkeypatch.setattr(engine.tokenizer, "token_bytes", token_bytes)
    assert failing_beside_others(engine, bad).code == "internal"


def test_a_listener_that_raises_disturbs_nobody():
    def listener(event):
        raise ValueError("nobody listens")

    engine = make_engine()
    req, other = request(11), request(12)
    answer = engine.add_request(req, listener)
    second = engine.add_request(other)
    run_to_the_end(engine)
    assert answer.output.token_ids == expected(req)
    assert second.output.token_ids == expected(other)


def test_generate_that_is_interrupted_leaves_nothing_behind():
    engine = make_engine()
    engine.runner.breaks = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        engine.generate([request(11), request(12)])
    assert not engine.has_work
    engine.runner.breaks = None
    (output,) = engine.generate([request(11)])
    assert output.token_ids == expected(request(11))


# Queue, adapters and life


def test_waiting_requests_hear_their_place_as_it_changes():
    engine = make_engine(max_num_seqs=1)
    events = []
    engine.add_request(request(max_tokens=1))
    engine.add_request(request(max_tokens=1))
    engine.add_request(request(max_tokens=1), events.append)
    while engine.has_work:
        engine._queue_news_at = 0.0  # as if the last news were long ago
        engine.step()
    assert [event.position for event in events if isinstance(event, Queued)] == [3, 2, 1]


def test_a_preempted_request_is_not_told_again_that_it_begins():
    engine = make_engine(block_size=2, kv_cache_tokens=20, max_model_len=20)
    logs = [[], []]
    requests = [request(i + 5, max_tokens=16, ignore_eos=True) for i in range(2)]
    answers = [engine.add_request(r, log.append) for r, log in zip(requests, logs, strict=True)]
    run_to_the_end(engine)
    assert engine.stats().preemptions > 0
    for log in logs:
        assert [type(event) for event in log].count(Prefill) == 1
    assert all(len(answer.output.token_ids) == 16 for answer in answers)


def test_stats_name_each_rows_adapter_and_count_blocks_and_tokens():
    engine = make_engine(max_num_seqs=2)
    for name in ("a", None, "b"):
        engine.add_request(request(5, 6, adapter=name, ignore_eos=True))
    engine.step()
    stats = engine.stats()
    assert (stats.running, stats.waiting, stats.batch) == (2, 1, ("a", None))
    assert (stats.kv_blocks_used, stats.kv_blocks_total, stats.block_size) == (2, 128, 4)
    assert (stats.prompt_tokens, stats.generated_tokens, stats.adapters_loaded) == (4, 2, 1)


def test_an_adapter_in_use_cannot_be_unloaded_until_its_requests_end():
    engine = make_engine()
    engine.add_request(request(adapter="a"))
    engine.step()
    with pytest.raises(RequestError) as caught:
        engine.unload_adapter("a")
    assert caught.value.code == "adapter_in_use"
    run_to_the_end(engine)
    engine.unload_adapter("a")
    assert "a" not in {info.name for info in engine.adapters()}


def test_leaving_the_context_interrupts_what_still_runs():
    events = []
    with make_engine() as engine:
        engine.add_request(request(), events.append)
        engine.step()
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "interrupted"
    assert engine.blocks.num_used == 0


def test_generate_gives_every_output_though_one_request_fails_on_the_way():
    engine = make_engine()
    engine.runner.nan_on = {77}
    good = request(11)
    first, second = engine.generate([request(50, 77), good])
    assert (first.finish_reason, first.token_ids, first.error.code) == ("error", (), "internal")
    assert (second.token_ids, second.error) == (expected(good), None)


def test_generate_refuses_what_is_not_valid_before_anything_runs():
    engine = make_engine()
    twice = request(11)
    for bad, code in ((request(adapter="none"), "unknown_adapter"), (twice, "duplicate_run")):
        with pytest.raises(RequestError) as caught:
            engine.generate([twice, bad])
        assert caught.value.code == code
        assert not engine.has_work
    assert engine.generate([]) == []


def test_a_listener_may_cancel_its_own_request_at_its_last_token():
    engine = make_engine()
    req, other = request(11), request(12)
    length = len(expected(req))
    heard = []

    def listener(event):
        heard.append(event)
        if sum(isinstance(each, Tokens) for each in heard) == length and isinstance(event, Tokens):
            engine.cancel(req.request_id)

    answer = engine.add_request(req, listener)
    second = engine.add_request(other)
    run_to_the_end(engine)
    assert answer.output.finish_reason == "cancelled"
    assert [type(event) for event in heard].count(Done) == 1
    assert second.output.token_ids == expected(other)


def test_an_adapter_is_not_replaced_or_unloaded_under_an_answer_that_was_preempted():
    engine = make_engine(kv_cache_tokens=32, max_model_len=32)
    long = [request(5, 6, adapter="a", max_tokens=24, ignore_eos=True) for _ in range(2)]
    answers = [engine.add_request(r) for r in long]
    while engine.scheduler.preemptions == 0:
        engine.step()
    # Only the preempted one is left: the running one, which also holds the adapter, goes.
    waiting = engine.scheduler.waiting[0]
    engine.cancel(next(r.request_id for r in long if r is not waiting.request))
    with pytest.raises(RequestError) as caught:
        engine.unload_adapter("a")
    assert caught.value.code == "adapter_in_use"
    run_to_the_end(engine)
    assert {answer.output.finish_reason for answer in answers} == {"cancelled", "length"}
    engine.unload_adapter("a")
