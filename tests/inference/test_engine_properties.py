"""Whatever arrives, is cancelled, preempted or short of slots: every request ends, with exactly its own text.

The engine runs a model that is a hash of what its KV cache holds (`hashing_runner`), so that a block shared,
reused or lost wrongly shows in the text, and the right text is known without an engine.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inference.config import EngineConfig
from inference.engine import Engine
from inference.request import (
    Done,
    Event,
    GenerationRequest,
    Loading,
    Prefill,
    Queued,
    RequestError,
    SamplingParams,
    Tokens,
    is_terminal,
)
from inference.tokenization import Tokenizer
from tests.inference.hashing_runner import HashingRunner, continuation
from tests.inference.small_tokenizers import byte_level, for_transformers

TOKENIZER = Tokenizer(for_transformers(byte_level()))
ADAPTERS = ("a", "b", "c", "d")


class Traffic(RuleBasedStateMachine):
    @initialize(
        block_size=st.integers(1, 5),
        max_num_seqs=st.integers(1, 5),
        max_batched_tokens=st.integers(1, 20),
        adapter_slots=st.integers(1, 3),
        spare=st.integers(0, 40),
        max_waiting=st.integers(0, 6),
        prefix_cache=st.booleans(),
    )
    def build(
        self, block_size, max_num_seqs, max_batched_tokens, adapter_slots, spare, max_waiting, prefix_cache
    ):
        config = EngineConfig(
            model="hash",
            block_size=block_size,
            max_model_len=24,
            kv_cache_tokens=24 + spare,
            max_num_seqs=max_num_seqs,
            max_batched_tokens=max_batched_tokens,
            adapter_slots=adapter_slots,
            max_waiting=max_waiting,
            prefix_cache=prefix_cache,
        )
        self.runner = HashingRunner(config, ADAPTERS)
        self.engine = Engine(config, runner=self.runner, tokenizer=TOKENIZER)
        self.answers = []
        self.events = {}

    @rule(
        prompt=st.lists(st.integers(3, 9), min_size=1, max_size=23)
        | st.integers(1, 23).map(lambda length: ([3, 4] * 12)[:length]),
        adapter=st.sampled_from([None, *ADAPTERS]),
        max_tokens=st.integers(1, 30),
    )
    def arrive(self, prompt, adapter, max_tokens):
        request = GenerationRequest(
            prompt_token_ids=prompt,
            adapter=adapter,
            sampling=SamplingParams(max_tokens=max_tokens, temperature=0),
        )
        active = sum(not answer.ended for answer in self.answers)
        events: list[Event] = []
        if active < self.engine.config.max_num_seqs + self.engine.config.max_waiting:
            self.answers.append(self.engine.add_request(request, events.append))
            self.events[request.request_id] = events
        else:
            with pytest.raises(RequestError, match="waiting already"):
                self.engine.add_request(request, events.append)
            assert events == []

    @rule(pick=st.integers(0, 1000))
    def cancel(self, pick):
        if self.answers:
            answer = self.answers[pick % len(self.answers)]
            self.engine.cancel(answer.sequence.request.request_id)
            assert answer.ended
            assert answer.sequence.block_table == []

    @rule(steps=st.integers(1, 8))
    def step(self, steps):
        for _ in range(steps):
            self.engine.step()

    @invariant()
    def blocks_in_use_are_those_of_running_sequences_and_written_by_one(self):
        if hasattr(self, "engine"):
            running = self.engine.scheduler.running
            held = {block for s in running for block in s.block_table}
            assert len(held) == self.engine.blocks.num_used
            size = self.engine.config.block_size
            unwritten = [block for s in running for block in s.block_table[s.num_computed // size :]]
            assert len(unwritten) == len(set(unwritten))
            assert all(s.num_computed < len(s) for s in running)
            assert all(not s.block_table and s.adapter is None for s in self.engine.scheduler.waiting)

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
        expected = continuation(
            request.prompt_token_ids, request.adapter, request.sampling.max_tokens, max_model_len=24
        )
        assert answer.output.error is None
        token_ids = list(answer.output.token_ids)
        if answer.output.finish_reason == "cancelled":
            assert token_ids == expected[: len(token_ids)]
        else:
            assert token_ids == expected
        assert answer.output.text == TOKENIZER.decode(token_ids)

        events = self.events[request.request_id]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [is_terminal(event) for event in events] == [False] * (len(events) - 1) + [True]
        assert isinstance(events[-1], Done)
        order = [Queued, Loading, Prefill, Tokens, Done]
        kinds = [order.index(type(event)) for event in events]
        assert [kind for kind in kinds if kind >= 2] == sorted(kind for kind in kinds if kind >= 2)
        assert kinds.count(2) == (answer.sequence.first_scheduled_at is not None)
        tokens = [event for event in events if isinstance(event, Tokens)]
        assert [i for event in tokens for i in event.token_ids] == token_ids
        assert "".join(event.text for event in tokens) == answer.output.text


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
