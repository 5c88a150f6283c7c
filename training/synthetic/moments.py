"""Everyday scenes told step by step: what `moments.toml` holds, with people and things filled in."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import invented_name, words

FILE = Path(__file__).parent / "moments.toml"
_PEOPLE, _THINGS = words("people"), words("things")
_WEATHER = tuple(each for each in _THINGS["weather"] if each != "snowy")


@dataclass(frozen=True)
class Scene:
    """`slots` are names and their words, `steps` pairs of a cue and what follows it."""

    topic: str
    slots: tuple[tuple[str, tuple[str, ...]], ...]
    lead: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Moment:
    """A scene up to a cue, and what comes next. `topic` names the scene."""

    topic: str
    before: str
    after: str


@cache
def load_scenes() -> tuple[Scene, ...]:
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(
        Scene(
            topic,
            tuple((name, tuple(listing.split(", "))) for name, listing in entry["slots"].items()),
            tuple(entry["lead"]),
            tuple((cue, after) for cue, after in entry["steps"]),
        )
        for topic, entry in data.items()
    )


def _person(rng: random.Random) -> tuple[str, str, str]:
    """How the scene names someone, with the pronoun and its possessive form."""
    he, his, names, kinds = rng.choice(
        (("he", "his", "first_male", "men"), ("she", "her", "first_female", "women"))
    )
    if rng.random() < 0.3:
        return invented_name(rng) if rng.random() < 0.3 else rng.choice(_PEOPLE[names]), he, his
    who = f"a {rng.choice(_PEOPLE[kinds])}"
    if rng.random() < 0.7:
        who += f" in a {rng.choice(_THINGS['colours'])} {rng.choice(_THINGS['clothes'])}"
    return who, he, his


def fill(rng: random.Random, scene: Scene) -> dict[str, str]:
    """One word for each slot of the scene, and its person."""
    who, he, his = _person(rng)
    return {"who": who, "he": he, "his": his, **{name: rng.choice(options) for name, options in scene.slots}}


def tell(template: str, filled: dict[str, str]) -> str:
    """The template with its slots filled and its sentences begun with a capital."""
    return ". ".join(sentence(part) for part in with_articles(template.format(**filled)).split(". "))


def moment(rng: random.Random, scene: Scene | None = None) -> Moment:
    scene = scene or rng.choice(load_scenes())
    filled = fill(rng, scene)
    cue, after = rng.choice(scene.steps)
    before = f"{tell(rng.choice(scene.lead), filled)} {tell(cue, filled)}"
    if rng.random() < 0.4:
        before = f"It is a {rng.choice(_WEATHER)} {rng.choice(words('news')['days'])}. {before}"
    return Moment(scene.topic, before, with_articles(after.format(**filled)))
