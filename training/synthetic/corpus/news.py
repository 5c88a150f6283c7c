"""News items, closed up or tokenised, some followed by an index of the people, groups and places in them."""

from __future__ import annotations

import random

from training.synthetic.conllpp import news_sentence
from training.synthetic.entities import ENTITIES, TYPES, collect
from training.synthetic.grammar import sentence

_HEADINGS = {
    "person": ("People", "Who"),
    "organization": ("Groups", "Firms and bodies"),
    "location": ("Places", "Where"),
    "miscellaneous": ("Also", "Other names"),
}
_KINDS = {
    "person": ("a person", "someone"),
    "organization": ("an organisation", "a body"),
    "location": ("a place", "on the map"),
    "miscellaneous": ("another name", "of another kind"),
}
_FOLLOW_UPS = ENTITIES.extend(
    {
        "later": ("Later", "On {day}", "In {month}", "After the meeting", "The next day"),
        "line": (
            "{later}, WHO said that {issue} would take time.",
            "WHO did not want to comment on {issue}.",
            "WHO was born in {city} and lives in {city}.",
            "“We will talk about {issue},” said WHO.",
            "Asked about {issue}, WHO pointed to {org}.",
            "WHO had worked for {org} before.",
            "{later}, WHO left for {place}.",
            "Friends of WHO were surprised.",
            "WHO called the {nationality} plan fair.",
        ),
    }
)


def _closed_up(text: str) -> str:
    for mark in (" .", " ,", " 's", " )"):
        text = text.replace(mark, mark.strip())
    return text.replace("( ", "(")


def _index(rng: random.Random, found: dict[str, list[str]]) -> str:
    style = rng.random()
    if style < 0.5:
        choice = rng.randint(0, 1)
        lines = [f"{_HEADINGS[kind][choice]}: {'; '.join(found[kind]) or 'none'}" for kind in TYPES]
        return "\n" + "\n".join(lines)
    names = [(name, kind) for kind in TYPES for name in found[kind]]
    rng.shuffle(names)
    return " " + " ".join(f"{name} is {rng.choice(_KINDS[kind])}." for name, kind in names)


def document(rng: random.Random) -> str:
    lines: list[str] = []
    found: dict[str, list[str]] = {kind: [] for kind in TYPES}
    for _ in range(rng.choice((1, 1, 2, 3, 4))):
        text, names = news_sentence(rng)
        lines.append(text)
        if names["person"] and rng.random() < 0.4:
            text, more = collect(_FOLLOW_UPS.draw(rng, "line").replace("WHO", rng.choice(names["person"])))
            lines.append(sentence(text))
            names = {kind: names[kind] + more[kind] for kind in TYPES}
        for kind in TYPES:
            found[kind] += [name for name in names[kind] if name not in found[kind]]
    text = " ".join(lines)
    if rng.random() < 0.5:
        text = _closed_up(text)
    return text + _index(rng, found) if rng.random() < 0.45 else text
