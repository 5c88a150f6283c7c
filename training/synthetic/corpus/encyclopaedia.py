"""Encyclopaedia articles with the shelf that they stand on, and readers who look for facts in a text."""

from __future__ import annotations

import random

from training.synthetic.dbpedia import KINDS, article
from training.synthetic.entities import first_name
from training.synthetic.facts import facts, question, tell

_SHELVES = {
    "Company": ("firms", "trade"),
    "EducationalInstitution": ("places of learning", "teaching"),
    "Artist": ("people of the arts", "the arts"),
    "Athlete": ("people of sport", "sport"),
    "OfficeHolder": ("people of the state", "politics"),
    "MeanOfTransportation": ("what moves", "traffic"),
    "Building": ("what was built", "houses and halls"),
    "NaturalPlace": ("landscapes", "nature"),
    "Village": ("small settlements", "country life"),
    "Animal": ("the animal world", "what creeps and flies"),
    "Plant": ("the world of plants", "what grows"),
    "Album": ("recordings", "music to listen to"),
    "Film": ("the cinema", "moving pictures"),
    "WrittenWork": ("what is read", "letters"),
}

_SILENT = ("The text does not say.", "Of that there is no word in the text.", "One would have to read on.")


def _entry(rng: random.Random) -> str:
    kind = rng.choice(tuple(KINDS))
    title, body = article(rng, kind, most=3)
    shelf = rng.choice(_SHELVES[kind])
    style = rng.random()
    if style < 0.35:
        return f"{title}\n{body}"
    if style < 0.6:
        return body
    if style < 0.8:
        return f"{body} See the volume on {shelf}."
    return f"{title} ({shelf}). {body}"


def _reader(rng: random.Random) -> str:
    """A text, a question, and whether the text helps, or the fact that answers."""
    subject, name, known = facts(rng, rng.choice((3, 4)))
    (unsaid, _), *said = known.items()
    text = tell(rng, subject, name, [predicate for _, predicate in said])
    key, predicate = rng.choice(said)
    asked = name
    style = rng.random()
    if style < 0.3:
        key = unsaid
        found = rng.choice(_SILENT)
    elif style < 0.45:
        while asked == name:
            asked = subject.name(rng)
        found = rng.choice((f"The text is about {name}, not {asked}.", "That text is about something else."))
    else:
        found = rng.choice(("The text says so.", "Here it is:", "That is in the text:", "Yes:"))
        found = found if found.endswith(".") else f"{found} {tell(rng, subject, name, [predicate])}"
    asks = question(rng, subject, asked, key)
    who = rng.choice(("", "", f"{first_name(rng)} wants to know: "))
    joined = f"{text} {who}{asks}" if rng.random() < 0.5 else f"{who}{asks} {text}"
    return f"{joined} {found}"


def document(rng: random.Random) -> str:
    return _entry(rng) if rng.random() < 0.5 else _reader(rng)
