"""Encyclopaedia articles with the shelf that they stand on, and readers who look for facts in a text."""

from __future__ import annotations

import random
from collections.abc import Mapping

from training.synthetic.dbpedia import KINDS, article
from training.synthetic.entities import first_name
from training.synthetic.facts import Subject, facts, question, tell

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


def _found(rng: random.Random, subject: Subject, name: str, known: Mapping[str, str]) -> tuple[str, str]:
    """A question, and what a reader finds in a text that tells all of `known` but the first fact."""
    unsaid, *said = known
    style = rng.random()
    if style < 0.3:
        return question(rng, subject, name, unsaid), rng.choice(_SILENT)
    key, asked = rng.choice(said), name
    if style < 0.45:
        while asked == name:
            asked = subject.name(rng)
        remark = rng.choice((f"The text is about {name}, not {asked}.", "That text is about something else."))
    else:
        remark = rng.choice(("The text says so.", "Here it is:", "That is in the text:", "Yes:"))
        if remark.endswith(":"):
            remark += f" {tell(rng, subject, name, [known[key]])}"
    return question(rng, subject, asked, key), remark


def _reader(rng: random.Random) -> str:
    """A text and questions, each with whether the text helps or with the fact that answers."""
    subject, name, known = facts(rng, rng.choice((3, 4)))
    text = tell(
        rng, subject, name, [predicate for key, predicate in known.items() if key != next(iter(known))]
    )
    asks, remark = _found(rng, subject, name, known)
    who = rng.choice(("", "", f"{first_name(rng)} wants to know: "))
    if rng.random() < 0.4:
        return f"{who}{asks} {text} {remark}"
    lines = [f"{text} {who}{asks} {remark}"]
    lines += [" ".join(_found(rng, subject, name, known)) for _ in range(rng.randint(0, 3))]
    return rng.choice((" ", "\n")).join(lines)


def document(rng: random.Random) -> str:
    return _entry(rng) if rng.random() < 0.5 else _reader(rng)
