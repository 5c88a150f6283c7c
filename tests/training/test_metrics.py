import math
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.metrics import METRICS, READINGS, Score, metric, score
from training.tasks import load_tasks

JSON = '{{"text_label": "{}", "explanation": "{}"}}'.format


@pytest.mark.parametrize(
    ("output", "gold", "expected"),
    [
        ("the cat sat", "the cat sat", 1.0),
        ("The CAT sat!", "the cat sat", 1.0),
        # Longest common subsequence "the sat" of 2: precision 2/3, recall 2/2, F = 0.8.
        ("the dog sat", "the sat", 0.8),
        ("nothing alike", "the cat sat", 0.0),
        ("", "the cat sat", 0.0),
    ],
)
def test_rouge_is_the_f_measure_of_the_longest_common_subsequence(output, gold, expected):
    assert metric("rouge")(output, gold) == pytest.approx(expected)


# Name, output, gold, the paper's lenient reading, the strict one.
CASES = [
    ("rouge", "The CAT sat!", "the cat sat", 1, 1),
    ("rouge", "the dog sat", "the sat", 0.8, 0),
    ("rouge", "", "", 0, 0),
    ("binary_accuracy_flex", "1", "1", 1, 1),
    ("binary_accuracy_flex", "0", "1", 0, 0),
    ("binary_accuracy_flex", " 1\n", "1", 1, 1),
    ("binary_accuracy_flex", "1.0", "1", 1, 0),
    ("binary_accuracy_flex", " Yes, it is", "1", 1, 0),
    ("binary_accuracy_flex", "yes", "yes", 1, 1),
    ("binary_accuracy_flex", "The sentiment is negative.", "0", 1, 0),
    ("binary_accuracy_flex", "I know nothing of it", "0", 1, 0),  # "no" inside a word says no
    ("binary_accuracy_flex", "", "0", 0, 0),
    ("binary_accuracy_flex", "0 or 1", "1", 1, 0),  # 1 is looked for first
    ("mnli_accuracy", "2", "2", 1, 1),
    ("mnli_accuracy", "label 2 or 0", "2", 1, 0),
    ("mnli_accuracy", "1", "2", 0, 0),
    ("hellaswag_accuracy", "It is ending 3, I think", "3", 1, 0),
    ("hellaswag_accuracy", "4", "3", 0, 0),
    ("mrpc_accuracy", "1 because they agree", "1", 1, 0),
    ("mrpc_accuracy", "0", "0", 1, 1),
    ("mrpc_accuracy", "0 because they differ", "0", 0, 0),  # looked for are 1 and 2
    ("customer_support_accuracy", "The customer wants to pay bill.", "pay bill", 1, 0),
    ("customer_support_accuracy", "pay bill", "pay bill", 1, 1),
    ("customer_support_accuracy", "pay", "pay bill", 0, 0),
    ("arc_accuracy", "b.", "B", 1, 0),
    ("arc_accuracy", "B: the moon", "B", 0, 0),
    ("winogrande_accuracy", "2.0", "2", 1, 0),
    ("covid_accuracy", "extremely positive", "Extremely Positive", 1, 0),
    ("covid_accuracy", "Positive", "Extremely Positive", 0, 0),
    ("mmlu_accuracy", "3.", "3", 1, 0),
    ("stsb", "4.0", "5.0", 0.8, 0.8),
    ("stsb", "about 4", "5.0", 0.8, 0),
    ("stsb", "12 points", "5.0", 0, 0),
    ("stsb", "-20", "0", 0, 0),
    ("stsb", "nothing", "0", 0, 0),
    ("dbpedia", "Film", "Film", 1, 1),
    ("dbpedia", "12", "Film", 1, 0),  # the class of that index
    ("dbpedia", "14", "Film", 0, 0),
    ("dbpedia", "It is a Film", "Film", 0.4, 0),
    ("gsm8k_regex", "12 + 7 = 19\n#### 19", "So\n#### 19", 1, 1),
    ("gsm8k_regex", "So 1,250 dollars.", "#### 1250", 1, 0),
    ("gsm8k_regex", "It is $19.", "#### 19", 1, 0),
    ("gsm8k_regex", "#### 19.0", "#### 19", 1, 1),
    ("gsm8k_regex", "19 apples and 3 pears", "#### 19", 0, 0),
    ("gsm8k_regex", "no number", "#### 19", 0, 0),
    ("gsm8k_regex", "-4", "#### 4", 0, 0),
    ("gsm8k_regex", "#### ,", "#### 4", 0, 0),
    ("gsm8k_regex", "#### -1,250.5", "#### -1250.5", 1, 1),
    ("agnews_label", JSON("Sports", "A match."), JSON("Sports", "It is about a match."), 1, 1),
    ("agnews_label", JSON("World", "A match."), JSON("Sports", "It is about a match."), 0, 0),
    ("agnews_label", '"text_label": "sports"', JSON("Sports", "A match."), 1, 0),
    ("agnews_label", JSON("Sports", ""), JSON("Sports", "A match."), 1, 0),
    ("agnews_label", "[" * 100_000, JSON("Sports", "A match."), 0, 0),
    ("agnews_label", "Sports", JSON("Sports", "A match."), 0, 0),
    ("exact_match", "Refund.", "refund", 1, 0),
]


@pytest.mark.parametrize(("name", "output", "gold", "lenient", "strict"), CASES)
def test_an_answer_in_the_papers_reading_and_in_the_strict_one(name, output, gold, lenient, strict):
    assert metric(name)(output, gold) == pytest.approx(lenient)
    assert metric(name, "strict")(output, gold) == pytest.approx(strict)


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"humaneval"}))
def test_every_metric_gives_the_gold_answer_full_marks_and_nonsense_none_in_both_readings(name):
    gold = {
        "gsm8k_regex": "#### 3",
        "agnews_label": JSON("World", "So it is."),
        "stsb": "5.0",
        "dbpedia": "Film",
    }.get(name, "1")
    for reading in READINGS:
        assert metric(name, reading)(gold, gold) == 1
        assert metric(name, reading)("quux", gold) == 0


GOLDS = {
    "gsm8k_regex": "12 + 7 = 19\n#### 1,019",
    "agnews_label": JSON("World", "So it is."),
    "stsb": "3.8",
    "dbpedia": "Film",
}
# What metrics look for, in any order, and anything else.
PIECES = st.sampled_from(
    [
        "#### ",
        ",",
        ".",
        "-",
        "$",
        "1",
        "0",
        "1e999",
        "nan",
        "inf",
        "yes",
        "{",
        "[",
        '"text_label"',
        ":",
        "²",
        "١",
    ]
)
JUNK = st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=8).map("".join)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("name", sorted(set(METRICS) - {"humaneval"}))
@settings(max_examples=200, deadline=None)
@given(output=JUNK)
def test_whatever_a_model_says_is_worth_something_from_nothing_to_full_marks(name, reading, output):
    assert 0 <= metric(name, reading)(output, GOLDS.get(name, "1")) <= 1


def test_every_task_has_a_metric():
    assert {task.metric_fn for task in load_tasks().values()} <= set(METRICS)


def test_an_unknown_metric_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match=r"bleu is not implemented; there are .*rouge"):
        metric("bleu")


def test_a_score_has_the_mean_and_an_interval_that_narrows_with_the_sample():
    few, many = score([1.0, 0.0] * 10), score([1.0, 0.0] * 1000)
    assert few.mean == many.mean == 0.5
    assert few.low < many.low < 0.5 < many.high < few.high
    # For a proportion of one half the 95 % interval is about ±1.96 · 0.5 / √n.
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(2000), rel=0.15)
    assert score([1.0, 0.0] * 10) == few


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    intervals = [score(rng.random(60) < 0.7, resamples=300) for _ in range(200)]
    covered = sum(each.low <= 0.7 <= each.high for each in intervals)
    assert 0.88 <= covered / 200 <= 0.99


def test_forty_thousand_examples_are_scored_in_little_memory():
    values = np.random.default_rng(3).random(40_000)
    tracemalloc.start()
    found = score(values, resamples=400)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6  # all the draws at once are 128 MB, and their positions as much again
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 200, rel=0.15)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_the_interval_does_not_depend_on_how_many_are_drawn_at_a_time(monkeypatch, block):
    values = [0.0, 0.25, 1.0] * 9
    whole = score(values, resamples=200)
    monkeypatch.setattr(sys.modules[score.__module__], "BLOCK", block)
    assert score(values, resamples=200) == whole


def test_the_interval_of_equal_values_is_a_point():
    assert score([1.0] * 400) == Score(1.0, 1.0, 1.0, 400)


def test_nothing_cannot_be_scored():
    with pytest.raises(ValueError, match="nothing to score"):
        score([])
