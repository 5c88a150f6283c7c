"""Premises and hypotheses about one scene: 0 follows, 1 is open, 2 contradicts.

The hypothesis is drawn before the label matters to it: every label has the same share of wide words,
details and tenses on both sides. Only the comparison tells them apart: whether the premise says a detail at
all, and whether it says the same.
"""

from __future__ import annotations

import random

from training.synthetic.scenes import CORE, another, details, say, scene

FOLLOWS, OPEN, CONTRADICTS = "0", "1", "2"


def pair(rng: random.Random, label: str) -> tuple[str, str, str]:
    """Premise, hypothesis, and the slot that decides: the one missing or wrong ("" where all is well)."""
    told = scene(rng)
    order = list(details(told))
    rng.shuffle(order)
    said, unsaid = order[: (known := rng.randint(2, 3))], order[known:]
    asked = rng.sample(said, rng.randint(1, 2))
    claimed, slot = dict(told), ""
    if label == OPEN:
        slot = unsaid[0]
        asked[0] = slot
    elif label == CONTRADICTS:
        slot = asked[0] if rng.random() < 0.75 else rng.choice(CORE)
        claimed[slot] = another(rng, told, slot)
    wider = [each for each in ("who", "object", "place", "day") if rng.random() < 0.25]
    if slot == "object":  # another kind of fruit is fruit as well
        wider = [each for each in wider if each != "object"]
    premise = say(rng, told, said, was=True)
    return premise, say(rng, claimed, asked, was=True, wider=wider), slot


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"premise": …, "hypothesis": …}` and the label."""
    label = rng.choice((FOLLOWS, OPEN, CONTRADICTS))
    premise, hypothesis, _ = pair(rng, label)
    return {"premise": premise, "hypothesis": hypothesis}, label
