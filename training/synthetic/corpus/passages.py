"""Passages of names and numbers, and people who talk about them."""

from __future__ import annotations

import random

from training.synthetic.drop import KINDS
from training.synthetic.grammar import sentence, with_articles
from training.synthetic.gsm8k.problem import person


def document(rng: random.Random) -> str:
    text, asked = rng.choice(KINDS)(rng)
    text = with_articles(sentence(text))
    kind = rng.random()
    if kind < 0.25:
        return text
    reader, other = person(rng).name, person(rng).name
    lines = [f"{reader} read: {text}"]
    for question in rng.sample(asked, min(len(asked), rng.randint(1, 4))):
        said = sentence(question.answer)
        lines.append(
            rng.choice(
                (
                    f"“{question.text}” asked {other}. “{said},” said {reader}.",
                    f"{other}: {question.text}\n{reader}: {said}.",
                )
            )
        )
    return "\n".join(lines)
