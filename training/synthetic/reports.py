# ruff: noqa: E501 (a template is one line)
"""Events in the news: what happened, as meanings in slots, and several sentences that say it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from training.synthetic.entities import city, club, company, country, full_name
from training.synthetic.grammar import Grammar, sentence, with_articles
from training.synthetic.lexicon import words

_WORDS = words("reports")
Forms = tuple[str, ...]
Event = Mapping[str, Forms]
_GRAMMAR = Grammar({})


def _of(listing: str) -> Callable[[random.Random], Forms]:
    choices = tuple(tuple(entry.split("/")) for entry in _WORDS[listing])
    return lambda rng: rng.choice(choices)


def _name(draw: Callable[[random.Random], str]) -> Callable[[random.Random], Forms]:
    return lambda rng: (draw(rng),)


_DRAW: dict[str, Callable[[random.Random], Forms]] = {
    "company": _name(company),
    "firm": _name(company),
    "city": _name(city),
    "country": _name(country),
    "person": _name(full_name),
    "club": _name(club),
    "rival": _name(club),
    "issue": lambda rng: (rng.choice(words("news")["issues"]),),
    "percent": lambda rng: (str(rng.randint(2, 98)),),
    "day": _of("when"),
    "count": _of("number_words"),
    **{
        slot: _of(f"{slot}s")
        for slot in (
            "result",
            "crime",
            "plan",
            "site",
            "post",
            "fate",
            "verdict",
            "offence",
            "judge",
            "outcome",
            "mood",
            "storm",
            "damage",
            "thing",
            "quarter",
        )
    },
    "rise": _of("rises"),
    "arrest": _of("arrests"),
    "body": _of("bodies"),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A kind of event. Every phrasing says every slot, so that any two of them mean the same."""

    slots: tuple[str, ...]
    phrasings: tuple[str, ...]


FRAMES = (
    Frame(
        ("company", "result", "rise", "percent", "quarter"),
        (
            "{company} said its {result} {rise} {percent} [percent|per cent] in the {quarter} quarter.",
            "in the {quarter} quarter, {result} at {company} {rise} by {percent} [percent|per cent].",
            "the {result} of {company} {rise} {percent} percent in the {quarter} quarter[, the firm announced|, it said].",
            "{company} reported that {quarter}-quarter {result} {rise} by {percent} percent.",
        ),
    ),
    Frame(
        ("arrest", "count", "city", "crime", "day"),
        (
            "{count} people were {arrest} {day} after {crime} in {city}.",
            "police said that {count} people were {arrest} in {city} {day} after {crime}.",
            "after {crime} in {city}, {count} people were {arrest} {day}[, police said|, officials said].",
            "{day}, {crime} in {city} ended with {count} people {arrest}.",
        ),
    ),
    Frame(
        ("company", "plan", "count", "site", "country"),
        (
            "{company} will {plan} {count} {site} in {country}.",
            "{company} [said|announced] that it plans to {plan} {count} of its {site} in {country}.",
            "in {country}, {count} {site} are what {company} wants to {plan}.",
            "the plan of {company} is to {plan} {count} {site} in {country}.",
        ),
    ),
    Frame(
        ("person", "fate", "post", "company", "day"),
        (
            "{company} {fate} {person}, its {post}, {day}.",
            "{person} was {fate} as {post} by {company} {day}.",
            "{day}, {company} [said it had|announced that it had] {fate} {person} as {post}.",
            "the {post} {person} was {fate} {day}, {company} said.",
        ),
    ),
    Frame(
        ("judge", "city", "person", "verdict", "offence"),
        (
            "{judge} in {city} found {person} {verdict} of {offence}.",
            "{person} was found {verdict} of {offence} by {judge} in {city}.",
            "in {city}, {judge} ruled that {person} was {verdict} of {offence}.",
            "on the charge of {offence}, {person} is {verdict}, {judge} in {city} decided.",
        ),
    ),
    Frame(
        ("club", "outcome", "rival", "city", "day"),
        (
            "{club} {outcome} {rival} in {city} {day}.",
            "in {city}, {club} {outcome} {rival} {day}.",
            "{day} in {city}, {club} {outcome} {rival}[ before a full house| in front of their fans|].",
            "the match in {city} {day} is over: {club} {outcome} {rival}.",
        ),
    ),
    Frame(
        ("body", "country", "mood", "issue", "day"),
        (
            "{body} in {country} {mood} a plan on {issue} {day}.",
            "{day}, {body} in {country} {mood} the plan on {issue}.",
            "a plan on {issue} was {mood} by {body} in {country} {day}.",
            "in {country}, {body} {mood} what the government wants on {issue}, it was reported {day}.",
        ),
    ),
    Frame(
        ("storm", "damage", "count", "thing", "city"),
        (
            "{storm} {damage} {count} {thing} near {city}.",
            "{count} {thing} near {city} were {damage} by {storm}.",
            "near {city}, {storm} {damage} {count} {thing}[, officials said|, the mayor said].",
            "{storm} has {damage} {count} {thing} in the hills near {city}.",
        ),
    ),
)


def _always(text: str) -> Callable[[random.Random], str]:
    return lambda rng: text


def event(rng: random.Random) -> tuple[Frame, dict[str, Forms]]:
    frame = rng.choice(FRAMES)
    return frame, {slot: _DRAW[slot](rng) for slot in frame.slots}


def altered(rng: random.Random, event: Event, count: int) -> tuple[dict[str, Forms], list[str]]:
    """The event with so many slots changed, and which."""
    slots = rng.sample(list(event), count)
    other = dict(event)
    for slot in slots:
        while other[slot] == event[slot]:
            other[slot] = _DRAW[slot](rng)
    return other, slots


def report(rng: random.Random, phrasing: str, event: Event) -> str:
    """One sentence; each slot is said by one of its synonyms."""
    rules = {slot: _always(rng.choice(forms)) for slot, forms in event.items()}
    return sentence(with_articles(_GRAMMAR.extend(rules).expand(rng, phrasing)))


def two_reports(rng: random.Random, frame: Frame, first: Event, second: Event) -> tuple[str, str]:
    """The two events in sentences that are mostly built differently."""
    phrasings = rng.sample(frame.phrasings, 2) if rng.random() < 0.75 else [rng.choice(frame.phrasings)] * 2
    a, b = (report(rng, phrasing, each) for phrasing, each in zip(phrasings, (first, second), strict=True))
    return (a, b) if a != b else two_reports(rng, frame, first, second)
