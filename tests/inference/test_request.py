"""What a request may say, and that anything else is refused with a sentence of bounded length."""

from __future__ import annotations

import json

import pytest

from inference.request import (
    Done,
    Failed,
    GenerationRequest,
    Loading,
    Prefill,
    Queued,
    RequestError,
    SamplingParams,
    Timings,
    TokenLogprob,
    Tokens,
    Usage,
    event_from_wire,
    to_wire,
)

HUGE = 10**400


@pytest.mark.parametrize(
    "sampling",
    [
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"max_tokens": True},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": HUGE},
        {"temperature": "hot"},
        {"top_p": 0},
        {"top_p": 1.1},
        {"top_k": -1},
        {"top_k": 0.5},
        {"min_p": 2},
        {"repetition_penalty": 1e-45},
        {"repetition_penalty": HUGE},
        {"presence_penalty": 2.5},
        {"frequency_penalty": float("-inf")},
        {"seed": -1},
        {"seed": HUGE},
        {"stop": 5},
        {"stop": [""]},
        {"stop": [5]},
        {"stop": ["a"] * 17},
        {"ignore_eos": 1},
        {"logprobs": 21},
        {"logprobs": -1},
    ],
    ids=lambda sampling: next(f"{name}={value!r:.20}" for name, value in sampling.items()),
)
def test_sampling_out_of_range_is_refused_by_name(sampling):
    with pytest.raises(RequestError) as caught:
        SamplingParams(**sampling)
    assert caught.value.code == "invalid_parameter"
    assert next(iter(sampling)) in caught.value.message
    assert len(caught.value.message) < 250


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prompt": "a", "prompt_token_ids": [1]},
        {"prompt_token_ids": 5},
        {"prompt": "a", "adapter": ["a"]},
        {"prompt": "a", "sampling": None},
    ],
)
def test_a_request_of_the_wrong_types_is_refused(fields):
    with pytest.raises(RequestError) as caught:
        GenerationRequest(**fields)
    assert caught.value.code == "invalid_parameter"


def test_a_single_stop_string_is_a_list_of_one():
    assert SamplingParams(stop="END").stop == ("END",)
    assert SamplingParams(stop=None).stop == ()


def test_requests_survive_the_wire():
    request = GenerationRequest(
        prompt_token_ids=[1, 2], adapter="a", sampling=SamplingParams(stop=["x", "y"], seed=7, logprobs=2)
    )
    wired = json.loads(json.dumps(request.to_wire()))
    assert GenerationRequest.from_wire(wired) == request


@pytest.mark.parametrize(
    "event",
    [
        Queued(1, 3),
        Loading(2, "disk"),
        Prefill(3, 12),
        Tokens(4, "né", (5, 6), (TokenLogprob(5, "n", -0.5, ((5, "n", -0.5), (9, "m", -1.5))),)),
        Tokens(5, "", (7,)),
        Done(6, "stop", Usage(12, 3), Timings(1.0, 2.0, 3.0)),
        Failed(7, "internal", "It broke."),
    ],
    ids=lambda event: event.kind,
)
def test_events_survive_the_wire(event):
    assert event_from_wire(json.loads(json.dumps(to_wire(event)))) == event


def test_decode_speed_counts_the_tokens_after_the_first():
    assert Timings(1.0, 100.0, 600.0).tokens_per_second(51) == 100.0
    assert Timings(1.0, 100.0, 600.0).tokens_per_second(1) is None
    assert Timings(1.0, None, 600.0).tokens_per_second(0) is None
