"""What the committed adapters were trained on: the generators still make it, and no test example is in it."""

import json
from functools import cache
from pathlib import Path

import pytest

from training.demo import ADAPTERS
from training.examples import content_hash
from training.showcase import load_showcase
from training.synthetic import SYMMETRIC, Sample, orders, samples, split_of

DEMO = Path(__file__).parents[2] / "demo"


@cache
def training_samples(task: str) -> list[Sample]:
    """All that the plan of the task's adapter reads."""
    plan = ADAPTERS[task]
    return list(samples(task, "train", plan.train_samples, plan.seed))


@cache
def held_out_samples(task: str) -> list[Sample]:
    return list(samples(task, "test", 400))


def pair(variables) -> frozenset[str]:
    """The two texts of a pair, in no order."""
    return frozenset(text.casefold() for text in variables.values())


@pytest.mark.parametrize("task", sorted(SYMMETRIC))
def test_no_adapter_has_read_a_test_pair_in_either_order(task):
    read = {pair(sample.variables) for sample in training_samples(task)}
    tested = {pair(sample.variables) for sample in held_out_samples(task)}
    assert len(tested) == 400, "no pair is tested twice"
    assert not read & tested


@pytest.mark.parametrize("task", sorted(SYMMETRIC))
def test_no_adapter_has_read_what_it_shows_to_visitors_in_either_order(task):
    read = {pair(sample.variables) for sample in training_samples(task)}
    assert not read & {pair(example.variables) for example in load_showcase()[task]}


@pytest.mark.parametrize("task", sorted(SYMMETRIC))
def test_a_held_out_pair_is_held_out_in_both_orders(task):
    for sample in held_out_samples(task):
        assert [split_of(each) for each in orders(task, sample.variables)] == ["test", "test"]


@pytest.mark.parametrize("task", ["glue_qqp", "jigsaw", "legal"])
def test_the_generators_still_make_the_data_of_the_committed_weights(task):
    card = json.loads((DEMO / "adapters" / task / "training_card.json").read_text())
    assert content_hash(training_samples(task)) == card["data"]["sha256"]
