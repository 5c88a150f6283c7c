"""The engine a step ahead of its device, under random arrivals, cancels, preemptions, failures and NaNs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inference.config import EngineConfig
from inference.engine import Engine
from inference.request import GenerationRequest, SamplingParams
from inference.tokenization import Tokenizer
from tests.inference.ahead_runner import AheadRunner
from tests.inference.hashing_runner import continuation
from tests.inference.small_tokenizers import byte_level, for_transformers

TOKENIZER = Tokenizer(for_transformers(byte_level()))
ADAPTERS = ("a", "b", "c", "d")
FIRE, NAN = 0, 1  # tokens that no answer holds: prompts that end with FIRE raise, with NAN answer NaN


class Ahead(RuleBasedStateMachine):
    failures = True

    @initialize(
        block_size=st.integers(1, 5),
        max_num_seqs=st.integers(1, 5),
        max_batched_tokens=st.integers(1, 20),
        adapter_slots=st.integers(1, 3),
        spare=st.integers(0, 40),
        prefix_cache=st.booleans(),
    )
    def build(self, block_size, max_num_seqs, max_batched_tokens, adapter_slots, spare, prefix_cache):
        config = EngineConfig(
            model="hash",
            block_size=block_size,
            max_model_len=24,
            kv_cache_tokens=24 + spare,
            max_num_seqs=max_num_seqs,
            max_batched_tokens=max_batched_tokens,
            adapter_slots=adapter_slots,
            prefix_cache=prefix_cache,
        )
        self.runner = AheadRunner(config, ADAPTERS)
        self.runner.fails_on, self.runner.nan_on = {FIRE}, {NAN}
        self.engine = Engine(config, runner=self.runner, tokenizer=TOKENIZER)
        self.answers = []

    @rule(
        prompt=st.lists(st.integers(3, 9), min_size=1, max_size=23)
        | st.integers(1, 23).map(lambda n: ([3, 4] * 12)[:n]),
        adapter=st.sampled_from([None, *ADAPTERS]),
        max_tokens=st.integers(1, 30),
        trouble=st.sampled_from([None] * 6 + [FIRE, NAN]),
        sampled=st.booleans(),
    )
    def arrive(self, prompt, adapter, max_tokens, trouble, sampled):
        if trouble and self.failures:
            prompt = [*prompt[:-1], trouble]
        sampling = SamplingParams(
            max_tokens=max_tokens, temperature=0, logprobs=1 if sampled and max_tokens % 3 == 0 else None
        )
        request = GenerationRequest(prompt_token_ids=prompt, adapter=adapter, sampling=sampling)
        self.answers.append(self.engine.add_request(request))

    @rule(pick=st.integers(0, 1000))
    def cancel(self, pick):
        if self.answers:
            answer = self.answers[pick % len(self.answers)]
            self.engine.cancel(answer.sequence.request.request_id)
            assert answer.ended
            assert answer.sequence.block_table == []

    @rule()
    def forget(self):
        self.engine.forget_prefixes()

    @rule(steps=st.integers(1, 8))
    def step(self, steps):
        for _ in range(steps):
            self.engine.step()

    @invariant()
    def accounts(self):
        if hasattr(self, "engine"):
            running = self.engine.scheduler.running
            held = {block for s in running for block in s.block_table}
            assert len(held) == self.engine.blocks.num_used
            size = self.engine.config.block_size
            unwritten = [block for s in running for block in s.block_table[s.num_computed // size :]]
            assert len(unwritten) == len(set(unwritten))
            assert all(s.num_computed <= s.num_expected for s in running)
            assert all(not s.block_table and s.adapter is None for s in self.engine.scheduler.waiting)
            assert all(0 <= s.in_flight <= 1 for s in running + self.engine.scheduler.waiting)

    def teardown(self):
        if not hasattr(self, "engine"):
            return
        most = sum(len(a.sequence.prompt_token_ids) + 24 for a in self.answers) * (len(self.answers) + 1)
        for _ in range(most + 1):
            if not self.engine.has_work:
                break
            self.engine.step()
        assert not self.engine.has_work, "a request never ended"
        assert self.engine.blocks.num_used == 0
        assert all(held.running == 0 for held in self.runner.adapters.loaded.values())
        for answer in self.answers:
            self.check(answer)

    def check(self, answer):
        request = answer.sequence.request
        expected = continuation(request.prompt_token_ids, request.adapter, request.sampling.max_tokens, 24)
        token_ids = list(answer.output.token_ids)
        troubled = request.prompt_token_ids[-1] in (FIRE, NAN)
        assert (answer.output.finish_reason == "error") <= troubled
        if answer.output.finish_reason in ("cancelled", "error"):
            assert token_ids == expected[: len(token_ids)]
        else:
            assert not troubled
            assert token_ids == expected


TestAhead = Ahead.TestCase
TestAhead.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


class Calm(Ahead):
    failures = False


TestCalm = Calm.TestCase
TestCalm.settings = TestAhead.settings


# The failures that the machine above finds only rarely, one by one.


def engine(**changes):
    settings = {
        "block_size": 2,
        "max_model_len": 32,
        "kv_cache_tokens": 320,
        "max_num_seqs": 8,
        "adapter_slots": 1,
    }
    config = EngineConfig(model="hash", **{**settings, **changes})
    runner = AheadRunner(config, ADAPTERS)
    runner.fails_on, runner.nan_on = {FIRE}, {NAN}
    return Engine(config, runner=runner, tokenizer=TOKENIZER)


def ask(prompt, adapter=None, tokens=6, **sampling):
    params = {"temperature": 0, "ignore_eos": True, **sampling}
    return GenerationRequest(
        prompt_token_ids=prompt, adapter=adapter, sampling=SamplingParams(max_tokens=tokens, **params)
    )


def finish(engine, *answers):
    for _ in range(200):
        if not engine.has_work:
            break
        engine.step()
    assert not engine.has_work, "a request never ended"
    for answer in answers:
        request = answer.sequence.request
        expected = continuation(
            request.prompt_token_ids,
            request.adapter,
            request.sampling.max_tokens,
            32,
            request.sampling.ignore_eos,
        )
        assert list(answer.output.token_ids) == expected


def test_keys_in_flight_of_a_cancelled_prompt_are_not_written_with_the_next_adapter_of_its_place():
    ours = engine()
    first = ours.add_request(ask([3, 4, 5, 6, 7], "a"))
    ours.step()  # the prompt is being read
    ours.cancel(first.sequence.request.request_id)
    other = ours.add_request(ask([9, 9, 9], "b"))  # takes the only place
    finish(ours, other)
    again = ours.add_request(ask([3, 4, 5, 6, 8], "a"))
    finish(ours, again)


def test_a_step_that_raises_while_a_batch_mates_last_token_is_in_flight():
    ours = engine()
    prompt = next(
        [k, 4, 5]
        for k in range(3, 400)
        if len(c := continuation([k, 4, 5], None, 8, 32)) in (2, 3) and c[-1] == 2
    )
    ending = ours.add_request(ask(prompt, tokens=20, ignore_eos=False))
    for _ in continuation(prompt, None, 8, 32):
        ours.step()
    assert ending.sequence.in_flight
    assert not ending.ended
    bad, good = ours.add_request(ask([9, FIRE])), ours.add_request(ask([9, 9]))
    finish(ours, ending, good)
    assert bad.output.finish_reason == "error"


def test_a_listener_that_cancels_when_its_prompt_is_read():
    ours = engine()
    request = ask([5, 6, 7])
    ours.add_request(request, lambda event: event.kind == "prefill" and ours.cancel(request.request_id))
    other = ours.add_request(ask([5, 6, 9]))
    finish(ours, other)


def test_a_listener_that_cancels_when_its_adapter_is_loaded():
    ours = engine()
    request = ask([5, 6, 7], "a")
    ours.add_request(request, lambda event: event.kind == "loading" and ours.cancel(request.request_id))
    other = ours.add_request(ask([5, 6, 9], "b"))
    finish(ours, other)
    assert ours.blocks.num_used == 0


def test_logits_that_cannot_be_had_once_end_one_step_and_no_request_hangs(monkeypatch):
    from tests.inference import ahead_runner

    ours, asked, logits = engine(), [], ahead_runner.Flight.logits

    def out_of_memory_once(self):
        asked.append(self)
        if len(asked) == 1:
            raise RuntimeError("CUDA out of memory")
        return logits(self)

    monkeypatch.setattr(ahead_runner.Flight, "logits", out_of_memory_once)
    ours.add_request(ask([5, 6, 7], logprobs=1))
    ours.add_request(ask([5, 6, 8]))
    finish(ours)


def test_ctrl_c_while_waiting_for_the_device_leaves_others_whole(monkeypatch):
    from tests.inference import ahead_runner

    ours, tokens = engine(), ahead_runner.Flight.tokens
    other = ours.add_request(ask([5, 6, 8]))
    ours.step()
    calls = []

    def interrupted_once(self):
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return tokens(self)

    monkeypatch.setattr(ahead_runner.Flight, "tokens", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        ours.generate([ask([5, 6, 7])])
    finish(ours, other)
