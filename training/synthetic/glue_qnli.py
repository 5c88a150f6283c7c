"""A question and a response: 0 where the response answers it, 1 where it tells something else.

A wrong response speaks of the same thing and leaves out what is asked, or says it of another thing.
"""

from __future__ import annotations

import random

from training.synthetic.facts import facts, question, tell

ANSWERED, NOT_ANSWERED = "0", "1"


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"question": …, "sentence": …}` and the label."""
    label = rng.choice((ANSWERED, NOT_ANSWERED))
    subject, name, known = facts(rng, rng.choice((3, 3, 4)))
    (unsaid, _), *said = known.items()
    key, asked = rng.choice(said)[0], name
    if label == NOT_ANSWERED:
        if rng.random() < 0.7:
            key = unsaid
        else:
            while asked == name:
                asked = subject.name(rng)
    response = tell(rng, subject, name, [predicate for _, predicate in said])
    return {"question": question(rng, subject, asked, key), "sentence": response}, label
