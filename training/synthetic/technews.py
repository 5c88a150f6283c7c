"""News of technology and science: an event, its headline, and paragraphs that report it.

An event fixes names, things and numbers. `headline` and `report` say it in one fixed way each; `retold` says
the same in freely chosen words, with other sentences around it.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from training.synthetic.entities import city, company, full_name
from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import invented_name, words

FILE = Path(__file__).with_suffix(".toml")
_TECH, _NEWS = words("tech"), words("news")


@dataclass(frozen=True)
class Story:
    """A kind of event, as `technews.toml` holds them. All texts are `str.format` templates over the facts.

    `report` has one sentence for each minute of reading and one more; `retold` holds the choices for the
    first sentence and for the one after it, which together name every fact of the headline.
    """

    headline: str
    report: tuple[str, ...]
    retold: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Event:
    story: Story
    facts: dict[str, str]

    def headline(self) -> str:
        return sentence(with_articles(self.story.headline.format(**self.facts)))

    def report(self, sentences: int) -> str:
        """The first two to four sentences of the fixed report."""
        return _prose(self.story.report[:sentences], self.facts)

    def retold(self, rng: random.Random) -> str:
        """The event in freely chosen words, with up to two sentences more."""
        told = [rng.choice(options) for options in self.story.retold]
        told += rng.sample(_ASIDES, rng.randint(0, 2))
        return _prose(told, {**self.facts, **_aside_facts(rng)})


def _prose(templates: list[str] | tuple[str, ...], facts: dict[str, str]) -> str:
    return " ".join(sentence(with_articles(template.format(**facts))) for template in templates)


DRAW = {
    "maker": company,
    "other": company,
    "product": invented_name,
    "kind": lambda rng: rng.choice(_TECH["kinds"]),
    "software": lambda rng: rng.choice(_TECH["software"]),
    "feature": lambda rng: rng.choice(_TECH["features"]),
    "topic": lambda rng: rng.choice(_TECH["topics"]),
    "field": lambda rng: rng.choice(_TECH["fields"]),
    "find": lambda rng: rng.choice(_TECH["finds"]),
    "spot": lambda rng: rng.choice(_TECH["places"]),
    "industry": lambda rng: rng.choice(_TECH["industries"]),
    "cause": lambda rng: rng.choice(_TECH["causes"]),
    "staff": lambda rng: rng.choice(_TECH["jobs"]),
    "town": city,
    "person": full_name,
    "price": lambda rng: str(rng.choice((rng.randint(5, 99), rng.randint(1, 20) * 50))),
    "sum": lambda rng: f"{rng.randint(2, 99)} {rng.choice(('million', 'million', 'billion'))}",
    "count": lambda rng: str(rng.randint(2, 95) * rng.choice((1, 10, 100))),
    "hours": lambda rng: str(rng.randint(2, 72)),
    "month": lambda rng: rng.choice(_NEWS["months"]),
}
_ASIDES = (
    "{someone} of {firm} called the news a surprise.",
    "Shares of {firm} did not move on {day}.",
    "More details are expected on {day}.",
    "Readers in {place} had heard rumours for weeks.",
    "It is the first news of this kind since {long_ago}.",
    "A spokeswoman in {place} did not want to comment.",
    "Critics say that {issue} should come first.",
)


def _aside_facts(rng: random.Random) -> dict[str, str]:
    return {
        "someone": full_name(rng),
        "firm": company(rng),
        "place": city(rng),
        "day": rng.choice(_NEWS["days"]),
        "issue": rng.choice(_NEWS["issues"]),
        "long_ago": rng.choice(_NEWS["months"]),
    }


@cache
def load_stories() -> tuple[Story, ...]:
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(
        Story(
            entry["headline"],
            tuple(entry["report"]),
            (tuple(entry["first"]), tuple(entry["second"])),
        )
        for entry in data["story"]
    )


def event(rng: random.Random) -> Event:
    """One event. Facts of two names never fall together."""
    facts = {name: draw(rng) for name, draw in DRAW.items()}
    while facts["other"] == facts["maker"]:
        facts["other"] = company(rng)
    return Event(rng.choice(load_stories()), facts)
