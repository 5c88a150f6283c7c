"""Decoding reads dense copies of the cache; who comes, goes, waits or grows must never read another's."""

from __future__ import annotations

import random

import pytest
import torch

from inference.config import EngineConfig
from inference.kernels import attention
from inference.model_runner import ModelRunner
from tests.inference.oracle import TOLERANCE, Oracle, make_adapter, make_base, mistral
from tests.inference.stepping import Stepper


@pytest.fixture(scope="module", params=[None, 24], ids=["all positions", "window of 24"])
def oracle(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("decoding")
    base = make_base(directory / "base", mistral(sliding_window=request.param, num_hidden_layers=2))
    return Oracle(base, {name: make_adapter(base, directory / name, seed=i) for i, name in enumerate("ab")})


@pytest.fixture(params=["roomy", "tight", "too large"])
def runner(request, oracle, monkeypatch):
    """Copies that never fill up, copies made anew every few steps, and groups that get none."""
    if request.param == "tight":
        monkeypatch.setattr(attention, "_HEADROOM", 3)
    elif request.param == "too large":
        monkeypatch.setattr(attention, "_MAX_DENSE_BYTES", 0)
    runner = ModelRunner(EngineConfig(model=oracle.base, block_size=4, kv_cache_tokens=160))
    for name, path in oracle.adapters.items():
        runner.adapters.load(name, path)
    return runner


def check(oracle, sequences, logits):
    for sequence, row in zip(sequences, logits, strict=True):
        expected = oracle.logits(sequence.request.adapter, sequence.token_ids)[-1]
        torch.testing.assert_close(row, expected, **TOLERANCE)


@pytest.mark.parametrize("seed", range(3))
def test_sequences_come_and_go(runner, oracle, seed):
    """Random arrivals and ends over blocks that are taken again at once; some rows skip steps."""
    choice = random.Random(seed)
    stepper = Stepper(runner, seed)
    running = []
    for _ in range(40):
        if len(running) < 4 and choice.random() < 0.5:
            prompt = [choice.randrange(3, 100) for _ in range(choice.choice([1, 2, 5, 17]))]
            running.append(stepper.start(prompt, choice.choice([None, "a", "b"])))
        if running and choice.random() < 0.15:
            stepper.finish(running.pop(choice.randrange(len(running))))
        batch = [sequence for sequence in running if choice.random() < 0.9]
        choice.shuffle(batch)
        if not batch:
            continue
        check(oracle, batch, stepper.step(*batch))
        for sequence in batch:
            sequence.token_ids.append(choice.randrange(3, 100))
            if len(sequence) > 35:
                stepper.finish(sequence)
                running.remove(sequence)


def test_a_new_sequence_in_the_blocks_of_one_that_just_ended(runner, oracle):
    """The same blocks, the same length plus one: only the missed step tells them apart."""
    stepper = Stepper(runner)
    old = stepper.start([1, 7, 8, 9, 10])
    stepper.step(old)
    for token in (11, 12):
        old.token_ids.append(token)
        stepper.step(old)
    new = stepper.start([1, 60, 61, 62, 63, 64, 65])
    new.block_table, old.block_table = old.block_table, []
    stepper.step(new)
    new.token_ids.append(66)
    check(oracle, [new], stepper.step(new))


def test_a_step_that_is_repeated(runner, oracle):
    """As the engine does when a batch fails: the same token again, alone this time."""
    stepper = Stepper(runner)
    first, second = stepper.start([1, 7, 8, 9, 10]), stepper.start([1, 20, 21])
    stepper.step(first, second)
    for token in (30, 31):
        for sequence in (first, second):
            sequence.token_ids.append(token)
        stepper.step(first, second)
        for sequence in (first, second):
            sequence.num_computed -= 1
        check(oracle, [first], stepper.step(first))
        check(oracle, [second], stepper.step(second))
