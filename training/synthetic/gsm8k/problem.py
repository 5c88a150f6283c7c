"""A word problem under construction, and the people and things in it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import invented_name, invented_word, words

PEOPLE, THINGS = words("people"), words("things")
_SENTENCE_START = re.compile(r"^\w|(?<=[.?] )\w")


@dataclass(frozen=True)
class Change:
    """What someone does with the things: said as a predicate, which can be joined with another by `and`."""

    said: str
    sign: str
    amount: int


@dataclass
class Problem:
    """A problem under construction: sentences of the question, steps of the solution, the number so far."""

    rng: random.Random
    text: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    value: int = 0
    noun: Callable[[random.Random], tuple[str, str]] = field(default=lambda rng: thing(rng))

    def say(self, *options: str) -> None:
        self.text.append(self.rng.choice(options))

    def step(self, equation: str, value: int, template: str) -> None:
        """Adds a step; `{}` in the template is replaced by `equation = value`."""
        self.steps.append(template.format(f"{equation} = {value}"))
        self.value = value

    def apply(self, change: Change, template: str) -> None:
        """Adds the step that a change of the number so far makes."""
        value = {
            "+": self.value + change.amount,
            "-": self.value - change.amount,
            "*": self.value * change.amount,
        }[change.sign]
        self.step(f"{self.value} {change.sign} {change.amount}", value, template)

    def finished(self) -> tuple[dict[str, str], str]:
        question = _SENTENCE_START.sub(lambda m: m[0].upper(), " ".join(self.text))
        return {"question": with_articles(question)}, "\n".join(
            [*(sentence(s) for s in self.steps), f"#### {self.value}"]
        )


@dataclass(frozen=True)
class Person:
    name: str
    they: str
    their: str


def person(rng: random.Random) -> Person:
    if rng.random() < 0.5:
        return Person(rng.choice(PEOPLE["first_female"]), "she", "her")
    if rng.random() < 0.1:
        return Person(invented_name(rng), "he", "his")
    return Person(rng.choice(PEOPLE["first_male"]), "he", "his")


def plural(singular: str) -> str:
    irregular = {
        "photo": "photos",
        "leaf": "leaves",
        "sheep": "sheep",
        "fish": "fish",
        "goose": "geese",
        "shelf": "shelves",
    }
    if singular in irregular:
        return irregular[singular]
    if singular.endswith(("s", "x", "ch", "sh", "o")):
        return singular + "es"
    if singular.endswith("y") and singular[-2] not in "aeiou":
        return singular[:-1] + "ies"
    return singular + "s"


def thing(rng: random.Random) -> tuple[str, str]:
    """Singular and plural of something countable."""
    singular = rng.choice(THINGS["countable"])
    return singular, plural(singular)


def open_thing(rng: random.Random) -> tuple[str, str]:
    """The same, with a noun that nobody has heard of in one of four cases."""
    if rng.random() < 0.25:
        word = invented_word(rng)
        return word, plural(word)
    return thing(rng)


def two_people(rng: random.Random) -> tuple[Person, Person]:
    first, second = person(rng), person(rng)
    while second.name == first.name:
        second = person(rng)
    return first, second
