"""Named entities for news sentences: made from lists or invented, and marked so that they can be collected.

A marked entity is `⟦type:surface⟧`; `collect` removes the marks and returns what they held.
"""

from __future__ import annotations

import random
import re

from training.synthetic.grammar import Grammar
from training.synthetic.lexicon import invented_name, words

TYPES = ("person", "organization", "location", "miscellaneous")
_MARK = re.compile(r"⟦(\w+):([^⟧]*)⟧")
_PEOPLE, _PLACES, _NEWS = words("people"), words("places"), words("news")
_FIRST = _PEOPLE["first_female"] + _PEOPLE["first_male"]


def _last(rng: random.Random) -> str:
    return invented_name(rng) if rng.random() < 0.25 else rng.choice(_PEOPLE["last"])


def full_name(rng: random.Random) -> str:
    first = invented_name(rng) if rng.random() < 0.08 else rng.choice(_FIRST)
    return f"{first} {_last(rng)}"


def person(rng: random.Random) -> str:
    return _last(rng) if rng.random() < 0.25 else full_name(rng)


def city(rng: random.Random) -> str:
    return invented_name(rng) if rng.random() < 0.2 else rng.choice(_PLACES["cities"])


def country(rng: random.Random) -> str:
    return rng.choice(_PLACES["countries"]).removeprefix("the ")


def company(rng: random.Random) -> str:
    stem = invented_name(rng) if rng.random() < 0.35 else rng.choice(_NEWS["company_stems"])
    return stem if rng.random() < 0.12 else f"{stem} {rng.choice(_NEWS['company_tails'])}"


def club(rng: random.Random) -> str:
    return f"{city(rng)} {rng.choice(_NEWS['club_tails'])}"


def institution(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.6:
        return rng.choice(_NEWS["institutions"])
    if kind < 0.8:
        return f"University of {city(rng)}"
    return f"Bank of {country(rng)}"


def mark(kind: str, draw) -> object:
    """The drawing function with its result marked as an entity of that type."""
    return lambda rng: f"⟦{kind}:{draw(rng)}⟧"


def _list(name: str, source: dict[str, tuple[str, ...]]):
    return lambda rng: rng.choice(source[name])


ENTITIES = Grammar(
    {
        "person": mark("person", person),
        "full_name": mark("person", full_name),
        "city": mark("location", city),
        "country": mark("location", country),
        "region": mark("location", lambda rng: rng.choice(_PLACES["regions"]).removeprefix("the ")),
        "place": ("{city}", "{city}", "{country}"),
        "company": mark("organization", company),
        "club": mark("organization", club),
        "institution": mark("organization", institution),
        "org": ("{company}", "{company}", "{institution}"),
        "nationality": mark("miscellaneous", _list("nationalities", _PLACES)),
        "event": mark("miscellaneous", _list("contests", _NEWS)),
        "occasion": mark("miscellaneous", _list("occasions", _NEWS)),
        "job": _PEOPLE["jobs"],
        "day": _NEWS["days"],
        "month": _NEWS["months"],
        "goods": _NEWS["commodities"],
        "issue": _NEWS["issues"],
        "sport": _NEWS["sports"],
        "number": lambda rng: str(
            rng.choice((rng.randint(2, 20), rng.randint(10, 99), rng.randint(100, 990)))
        ),
        "small": lambda rng: str(rng.randint(0, 6)),
        "year": lambda rng: str(rng.randint(1950, 2024)),
    }
)


def collect(text: str) -> tuple[str, dict[str, list[str]]]:
    """The text without marks, and its entities by type, each once, in order of appearance."""
    found: dict[str, list[str]] = {kind: [] for kind in TYPES}
    for kind, surface in _MARK.findall(text):
        if surface not in found[kind]:
            found[kind].append(surface)
    return _MARK.sub(r"\2", text), found
