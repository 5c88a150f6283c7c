"""The chosen tokens: which are possible, how often they come, and that batch-mates have no say in it."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from inference.request import SamplingParams
from inference.sampling import SamplingRow, sample, uniform

VOCAB = 12


def row(prompt=(), output=(), **params) -> SamplingRow:
    made = SamplingRow(SamplingParams(**params), VOCAB, prompt)
    for token in output:
        made.take(token)
    return made


def draw_often(logits: torch.Tensor, times: int, **params) -> Counter:
    """How often each token comes, over `times` seeds."""
    rows = [row(seed=seed, **params) for seed in range(times)]
    return Counter(choice.token_id for choice in sample(logits.expand(times, -1).contiguous(), rows))


def random_logits(seed: int, rows: int = 1) -> torch.Tensor:
    return torch.randn(rows, VOCAB, generator=torch.Generator().manual_seed(seed)) * 2


def test_greedy_takes_the_likeliest_token_and_the_first_of_equals():
    logits = torch.zeros(2, VOCAB)
    logits[0, 5] = 1
    assert [choice.token_id for choice in sample(logits, [row(temperature=0)] * 2)] == [5, 0]


def test_a_temperature_too_small_to_divide_by_is_greedy():
    logits = random_logits(1)
    (choice,) = sample(logits, [row(temperature=1e-300)])
    assert choice.token_id == int(logits.argmax())


@pytest.mark.parametrize(
    "params", [{"temperature": 0}, {"seed": 1}, {"seed": 1, "top_p": 0.9, "logprobs": 2}]
)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_row_that_is_not_a_number_has_no_token_and_leaves_the_others_alone(params, bad):
    logits = random_logits(2, rows=3)
    alone = sample(logits[[0, 2]], [row(**params), row(**params)])
    logits[1, 4] = bad
    assert sample(logits, [row(**params), row(**params), row(**params)]) == [alone[0], None, alone[1]]


def test_a_row_of_nothing_but_minus_infinity_has_no_token():
    assert sample(torch.full((1, VOCAB), -math.inf), [row(seed=3)]) == [None]


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": 0.7},
        {"temperature": 1.3, "top_k": 4},
        {"temperature": 1.0, "top_p": 0.6},
        {"temperature": 1.0, "min_p": 0.2},
        {"temperature": 1.5, "top_k": 7, "top_p": 0.8, "min_p": 0.05},
        {"temperature": 0.9, "repetition_penalty": 1.7, "top_k": 6},
    ],
    ids=str,
)
def test_frequencies_are_those_of_transformers_own_processors(params):
    """Over many seeds, each token comes as often as the distribution that transformers computes says."""
    logits = random_logits(7)
    prompt = [0, 3, 4, 8]
    processors = LogitsProcessorList()
    if "repetition_penalty" in params:
        processors.append(RepetitionPenaltyLogitsProcessor(params["repetition_penalty"]))
    processors.append(TemperatureLogitsWarper(params["temperature"]))
    if "top_k" in params:
        processors.append(TopKLogitsWarper(params["top_k"]))
    if "top_p" in params:
        processors.append(TopPLogitsWarper(params["top_p"]))
    if "min_p" in params:
        processors.append(MinPLogitsWarper(params["min_p"]))
    expected = processors(torch.tensor([prompt]), logits).softmax(dim=-1)[0]

    times = 4000
    counts = draw_often(logits, times, prompt=prompt, **params)
    for token in range(VOCAB):
        p = float(expected[token])
        if p == 0:
            assert counts[token] == 0
        else:
            assert abs(counts[token] / times - p) < 5 * math.sqrt(p * (1 - p) / times) + 1e-3


def test_repetition_penalty_divides_positive_and_multiplies_negative_logits_of_seen_tokens():
    logits = torch.tensor([2.0, -2.0, 1.0, -1.0])
    made = SamplingRow(SamplingParams(repetition_penalty=2.0), 4, [0])
    made.take(1)
    assert made.penalise(logits).tolist() == [1.0, -4.0, 1.0, -1.0]


def test_presence_and_frequency_penalties_count_output_tokens_and_not_the_prompt():
    made = SamplingRow(SamplingParams(presence_penalty=0.5, frequency_penalty=0.25), 4, [3, 3])
    for token in (1, 2, 2):
        made.take(token)
    assert made.penalise(torch.zeros(4)).tolist() == [0.0, -0.75, -1.0, 0.0]


def test_penalties_also_change_what_greedy_takes():
    logits = torch.zeros(1, VOCAB)
    logits[0, 5], logits[0, 6] = 1.0, 0.9
    (choice,) = sample(logits, [row(temperature=0, output=[5], frequency_penalty=1.0)])
    assert choice.token_id == 6


def test_equal_scores_at_the_border_of_top_k_keep_the_lower_ids():
    counts = draw_often(torch.zeros(1, VOCAB), 200, top_k=3)
    assert set(counts) == {0, 1, 2}


def test_a_filter_always_leaves_the_likeliest_token():
    logits = random_logits(9)
    counts = draw_often(logits, 50, top_p=1e-9, min_p=1.0)
    assert set(counts) == {int(logits.argmax())}


params_of_any_kind = st.builds(
    lambda **kw: kw,
    temperature=st.sampled_from([0, 0.3, 1.0, 3.0]),
    top_p=st.sampled_from([0.3, 0.9, 1.0]),
    top_k=st.sampled_from([0, 1, 5, 100]),
    min_p=st.sampled_from([0.0, 0.1]),
    repetition_penalty=st.sampled_from([1.0, 1.4]),
    presence_penalty=st.sampled_from([0.0, 0.7]),
    logprobs=st.sampled_from([None, 0, 3]),
    seed=st.integers(0, 2**63 - 1),
)


@given(st.lists(params_of_any_kind, min_size=1, max_size=6), st.integers(0, 10_000))
@settings(deadline=None)
def test_a_row_gets_the_same_token_and_logprobs_alone_and_in_any_batch(batch, logits_seed):
    logits = random_logits(logits_seed, rows=len(batch))
    together = sample(logits, [row(prompt=[1, 2], output=[3], **params) for params in batch])
    for i, params in enumerate(batch):
        (alone,) = sample(logits[i : i + 1], [row(prompt=[1, 2], output=[3], **params)])
        assert alone == together[i]


def test_the_draw_depends_on_seed_and_position_alone():
    logits = random_logits(11).expand(30, -1).contiguous()

    def tokens(seed: int) -> list[int]:
        made = row(seed=seed)
        return [made.take(t) or t for t in (sample(logits[:1], [made])[0].token_id for _ in range(30))]

    assert tokens(5) == tokens(5)
    assert tokens(5) != tokens(6)
    resumed = row(seed=5, output=tokens(5)[:10])
    assert sample(logits[:1], [resumed])[0].token_id == tokens(5)[10]


def test_without_a_seed_each_request_draws_its_own():
    assert len({row().seed for _ in range(20)}) == 20


def test_uniform_numbers_are_uniform_over_seeds_and_over_positions():
    for numbers in (
        [uniform(seed, 0) for seed in range(10_000)],
        [uniform(1, position) for position in range(10_000)],
        [uniform(seed, seed) for seed in range(10_000)],
    ):
        assert all(0 <= number < 1 for number in numbers)
        tenths = Counter(int(number * 10) for number in numbers)
        assert all(abs(tenths[i] - 1000) < 150 for i in range(10))  # five standard deviations


def test_logprobs_are_of_the_unchanged_distribution_with_the_likeliest_first():
    logits = random_logits(13)
    expected = logits[0].log_softmax(dim=-1)
    (choice,) = sample(logits, [row(seed=2, temperature=2.5, top_k=2, repetition_penalty=3.0, logprobs=4)])
    assert choice.logprob == pytest.approx(float(expected[choice.token_id]))
    best = expected.topk(4)
    assert [token for token, _ in choice.top] == best.indices.tolist()
    assert [value for _, value in choice.top] == pytest.approx(best.values.tolist())


def test_logprobs_zero_gives_the_chosen_tokens_alone():
    (choice,) = sample(random_logits(14), [row(temperature=0, logprobs=0)])
    assert choice.logprob is not None
    assert choice.top == ()


def test_rows_may_ask_for_more_alternatives_than_there_are_tokens():
    made = SamplingRow(SamplingParams(temperature=0, logprobs=20), VOCAB, ())
    (choice,) = sample(random_logits(15), [made])
    assert len(choice.top) == VOCAB


def test_top_k_beyond_any_vocabulary_keeps_every_token():
    logits = random_logits(3)
    everything = sample(logits, [row(temperature=1.0, seed=5)])
    assert sample(logits, [row(temperature=1.0, seed=5, top_k=10**30)]) == everything


def test_penalties_that_overflow_the_logits_leave_no_token():
    logits = random_logits(3)
    logits[0, 4] = 3e38
    penalised = row(prompt=(4,), temperature=0, repetition_penalty=0.01)
    assert sample(logits, [penalised]) == [None]
