import math

import numpy as np
import pytest

from training.metrics import METRICS, binary_accuracy_flex, gsm8k_regex, metric, rouge, score


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
    assert rouge(output, gold) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("output", "gold", "expected"),
    [
        ("1", "1", 1.0),
        ("0", "1", 0.0),
        ("1.0", "1", 1.0),
        (" Yes, it is", "1", 1.0),
        ("The sentiment is negative.", "0", 1.0),
        ("I know nothing of it", "0", 0.0),  # "no" inside a word says nothing
        ("", "0", 0.0),
        ("0 or 1", "1", 1.0),  # 1 is looked for first
    ],
)
def test_a_flag_is_read_from_whole_words_in_the_papers_order(output, gold, expected):
    assert binary_accuracy_flex(output, gold) == expected


@pytest.mark.parametrize(
    ("output", "gold", "expected"),
    [
        ("12 + 7 = 19\n#### 19", "#### 19", 1.0),
        ("So 1,250 dollars.", "#### 1250", 1.0),
        ("19.0", "#### 19", 1.0),
        ("19 apples and 3 pears", "#### 19", 0.0),
        ("no number", "#### 19", 0.0),
        ("-4", "#### 4", 0.0),
    ],
)
def test_the_last_numbers_are_compared(output, gold, expected):
    assert gsm8k_regex(output, gold) == expected


def test_an_unknown_metric_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match=r"humaneval is not implemented; there are .*rouge"):
        metric("humaneval")
    assert all(metric(name) is METRICS[name] for name in METRICS)


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


def test_nothing_cannot_be_scored():
    with pytest.raises(ValueError, match="nothing to score"):
        score([])
