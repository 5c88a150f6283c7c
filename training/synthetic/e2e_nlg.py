"""Attributes of a restaurant and the sentences that say them, in the style of the E2E challenge.

The attributes come in a fixed order, and the same attributes always give the same sentences.
"""

from __future__ import annotations

import random

from training.synthetic.grammar import with_articles
from training.synthetic.lexicon import invented_name, words

_FOOD = words("food")
Attributes = dict[str, str]

# How often each attribute is there.
_SHARE = {
    "eatType": 0.7,
    "food": 0.7,
    "priceRange": 0.55,
    "customer rating": 0.45,
    "area": 0.5,
    "familyFriendly": 0.45,
    "near": 0.4,
}
_PRICE_WORD = {"cheap": "cheap", "moderate": "moderately priced", "high": "expensive"}
_SUMS = ("less than £20", "£20-25", "more than £30")
_AREA = {"riverside": "by the riverside", "beach": "at the beach", "castle hill": "on castle hill"}


def restaurant(rng: random.Random) -> str:
    """A name, often one never seen before."""
    kind = rng.random()
    if kind < 0.25:
        return f"The {rng.choice(_FOOD['names_a'])} {rng.choice(_FOOD['names_b'])}"
    if kind < 0.4:
        return f"{rng.choice(_FOOD['names_a'])} {rng.choice(_FOOD['names_b'])}"
    if kind < 0.6:
        return f"{invented_name(rng)} {rng.choice(_FOOD['names_b'])}"
    if kind < 0.7:
        return f"{invented_name(rng)}'s"
    if kind < 0.8:
        return f"Café {invented_name(rng)}"
    return invented_name(rng)


DRAW = {
    "eatType": lambda rng: rng.choice(_FOOD["eat_types"]),
    "food": lambda rng: rng.choice(_FOOD["cuisines"]),
    "priceRange": lambda rng: rng.choice((*_PRICE_WORD, *_SUMS)),
    "customer rating": lambda rng: rng.choice(
        ("low", "average", "high", "1 out of 5", "3 out of 5", "5 out of 5")
    ),
    "area": lambda rng: rng.choice(_FOOD["areas"]),
    "familyFriendly": lambda rng: rng.choice(("yes", "no")),
    "near": restaurant,
}


def where(area: str) -> str:
    return _AREA.get(area, f"near the {area}" if area in ("station", "university") else f"in the {area}")


def describe(a: Attributes) -> str:
    """One to three sentences that say every attribute once."""
    price = a.get("priceRange", "")
    adjectives = [_PRICE_WORD[price]] if price in _PRICE_WORD else []
    if a.get("familyFriendly") == "yes":
        adjectives.append("family friendly")
    noun = a.get("eatType", "place")
    text = " ".join(f"{a['name']} is a {', '.join(adjectives)} {noun}".split())
    if "area" in a:
        text += f" {where(a['area'])}"
    if "food" in a:
        text += f" that serves {a['food']} food" if "eatType" in a else f" for {a['food']} food"
    if "near" in a:
        text += f", close to {a['near']}"
    sentences = [text]
    more = []
    if price in _SUMS:
        more.append(f"meals cost {price}")
    if rating := a.get("customer rating"):
        more.append(
            f"customers rate it {rating}" if "out of" in rating else f"it has a {rating} customer rating"
        )
    if a.get("familyFriendly") == "no":
        more.append("it is not for families")
    if more:
        joined = " and ".join(more) if len(more) < 3 else f"{more[0]}, {more[1]} and {more[2]}"
        sentences.append(joined[0].upper() + joined[1:])
    return with_articles(". ".join(sentences) + ".")


def attributes(rng: random.Random) -> Attributes:
    """A name and two to seven attributes more, in the challenge's order."""
    keys: list[str] = []
    while len(keys) < 2:
        keys = [key for key, share in _SHARE.items() if rng.random() < share]
    return {"name": restaurant(rng), **{key: DRAW[key](rng) for key in keys}}


def representation(a: Attributes) -> str:
    return ", ".join(f"{key}[{value}]" for key, value in a.items())


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"meaning_representation": …}` and its sentences."""
    a = attributes(rng)
    return {"meaning_representation": representation(a)}, describe(a)
