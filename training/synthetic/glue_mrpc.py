"""Pairs of news sentences: 1 where both report the same, 0 where a name, a number or a deed differs."""

from __future__ import annotations

import random

from training.synthetic.reports import altered, event, two_reports


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"sentence1": …, "sentence2": …}` and the label."""
    frame, first = event(rng)
    same = rng.random() < 0.5
    second = first if same else altered(rng, first, rng.choice((1, 1, 2, 2, 3)))[0]
    a, b = two_reports(rng, frame, first, second)
    return {"sentence1": a, "sentence2": b}, "1" if same else "0"
