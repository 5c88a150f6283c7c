"""Two sentences about what someone is doing, and how similar they are from 0 to 5.

Five points minus what differs: the deed weighs most, then who does it and to what, then the details.
"""

from __future__ import annotations

import random

from training.synthetic.scenes import Scene, another, say, scene

# Points lost where the slot differs; together 5.
COSTS = {"verb": 1.6, "object": 1.4, "who": 1.2, "place": 0.8}


def similarity(first: Scene, second: Scene) -> float:
    """From 0 to 5, by meanings and not by words."""
    return round(5 - sum(cost for slot, cost in COSTS.items() if first[slot] != second[slot]), 1)


def pair(rng: random.Random, differing: int) -> tuple[str, str, float]:
    """Two sentences that differ in so many of the four slots, and their similarity."""
    first = scene(rng)
    second = dict(first)
    if differing == len(COSTS):
        while any(second[slot] == first[slot] for slot in COSTS):
            second = scene(rng)
    else:
        for slot in rng.sample(tuple(COSTS), differing):
            second[slot] = another(rng, first, slot)
    texts = [say(rng, each, ("place",)) for each in (first, second)]
    return (*texts, similarity(first, second)) if texts[0] != texts[1] else pair(rng, differing)


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"sentence1": …, "sentence2": …}` and the score with one decimal."""
    first, second, score = pair(rng, rng.choice((0, 0, 1, 1, 2, 2, 3, 3, 4)))
    return {"sentence1": first, "sentence2": second}, f"{score:.1f}"
