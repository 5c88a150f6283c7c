"""Named entities for news sentences: made from lists or invented, and marked so that they can be collected.

A marked entity is `⟦type:surface⟧`; `collect` removes the marks and returns what they held.
"""

from __future__ import annotations

import random
import re

from training.synthetic.grammar import Grammar
from training.synthetic.lexicon import acronym, invented_name, words

TYPES = ("person", "organization", "location", "miscellaneous")
_MARK = re.compile(r"⟦(\w+):([^⟧]*)⟧")
_PEOPLE, _PLACES, _NEWS = words("people"), words("places"), words("news")
_BEFORE_PLACES = ("New", "San", "Port", "Saint", "Fort", "Lake", "Mount", "East", "West")
_TOWN_INSTITUTIONS = ("University", "Institute", "Museum", "Hospital", "College", "Chamber of Commerce")
_CONTEST_TAILS = ("Cup", "Prize", "Open", "Trophy", "Award", "Games", "Rally", "Masters")
_FIRST = _PEOPLE["first_female"] + _PEOPLE["first_male"]


def _last(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.45:
        return invented_name(rng)
    name = rng.choice(_PEOPLE["last"])
    return f"{name}-{rng.choice(_PEOPLE['last'])}" if kind > 0.97 else f"van {name}" if kind > 0.96 else name


def first_name(rng: random.Random) -> str:
    return invented_name(rng) if rng.random() < 0.25 else rng.choice(_FIRST)


def full_name(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.04:
        return f"{rng.choice('ABCDEFGHJKLMNPRSTW')}. {_last(rng)}"
    return f"{first_name(rng)} {_last(rng)}"


def person(rng: random.Random) -> str:
    return _last(rng) if rng.random() < 0.25 else full_name(rng)


def city(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.4:
        return invented_name(rng)
    if kind < 0.45:
        return f"{rng.choice(_BEFORE_PLACES)} {invented_name(rng)}"
    return rng.choice(_PLACES["cities"])


def country(rng: random.Random) -> str:
    return (
        invented_name(rng) if rng.random() < 0.06 else rng.choice(_PLACES["countries"]).removeprefix("the ")
    )


def company(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.06:
        return acronym(rng)
    stem = invented_name(rng) if rng.random() < 0.5 else rng.choice(_NEWS["company_stems"])
    if kind < 0.3:
        return stem
    if kind < 0.33:
        return f"Air {stem}"
    if kind < 0.36:
        return f"{stem} & {_last(rng)}"
    return f"{stem} {rng.choice(_NEWS['company_tails'])}"


def club(rng: random.Random) -> str:
    return f"{city(rng)} {rng.choice(_NEWS['club_tails'])}"


def institution(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(_NEWS["institutions"])
    if kind < 0.55:
        return acronym(rng)
    if kind < 0.65:
        return f"{city(rng)} {rng.choice(_TOWN_INSTITUTIONS)}"
    if kind < 0.85:
        return f"University of {city(rng)}"
    return f"Bank of {country(rng)}"


def contest(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return f"{invented_name(rng)} {rng.choice(_CONTEST_TAILS)}"
    return rng.choice(_NEWS["contests"])


def mark(kind: str, draw) -> object:
    """The drawing function with its result marked as an entity of that type."""
    return lambda rng: f"⟦{kind}:{draw(rng)}⟧"


def _list(name: str, source: dict[str, tuple[str, ...]]):
    return lambda rng: rng.choice(source[name])


ENTITIES = Grammar(
    {
        "person": mark("person", person),
        "full_name": mark("person", full_name),
        "first_name": mark("person", first_name),
        "city": mark("location", city),
        "country": mark("location", country),
        "region": mark("location", lambda rng: rng.choice(_PLACES["regions"]).removeprefix("the ")),
        "place": ("{city}", "{city}", "{country}"),
        "company": mark("organization", company),
        "club": mark("organization", club),
        "institution": mark("organization", institution),
        "org": ("{company}", "{company}", "{institution}"),
        "nationality": mark("miscellaneous", _list("nationalities", _PLACES)),
        "event": mark("miscellaneous", contest),
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
