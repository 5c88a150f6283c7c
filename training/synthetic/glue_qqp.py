"""Pairs of questions: 1 where both ask the same, 0 where intent, topic or circumstances differ."""

from __future__ import annotations

import random

from training.synthetic.questions import ask, other_ask, two_wordings


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"question1": …, "question2": …}` and the label."""
    first = ask(rng)
    same = rng.random() < 0.5
    a, b = two_wordings(rng, first, first if same else other_ask(rng, first))
    return {"question1": a, "question2": b}, "1" if same else "0"
