"""Everyday scenes told to their end, and cards to be put to the scene they belong to."""

from __future__ import annotations

import random

from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import words
from training.synthetic.moments import fill, load_scenes, moment, tell

_ORDINALS = ("first", "second", "third", "fourth")


def _told(rng: random.Random) -> str:
    """A scene with all its steps."""
    scene = rng.choice(load_scenes())
    filled = fill(rng, scene)
    lines = [tell(rng.choice(scene.lead), filled)]
    lines += [f"{tell(cue, filled)} {with_articles(after.format(**filled))}" for cue, after in scene.steps]
    return " ".join(lines)


def _moments(rng: random.Random) -> str:
    found = [moment(rng) for _ in range(rng.randint(1, 3))]
    day = rng.choice(words("news")["days"])
    return f"Seen on {day}: " + " ".join(f"{each.before} {each.after}" for each in found)


def _cards(rng: random.Random) -> str:
    """A scene, cards with things that happen, and the card that goes with the scene."""
    scenes = rng.sample(load_scenes(), rng.randint(2, 4))
    cards = [moment(rng, scene) for scene in scenes]
    at = rng.randrange(len(cards))
    lines = "\n".join(f"Card {_ORDINALS[i]}: {sentence(each.after)}" for i, each in enumerate(cards))
    story = cards[at].before
    if rng.random() < 0.5:
        return f"{story} ...\n{lines}\nThe {_ORDINALS[at]} card goes on with the story: {cards[at].after}"
    topics = ", ".join(each.topic for each in cards)
    return f"{lines}\nThe cards are about {topics}. The {_ORDINALS[at]} card is about {cards[at].topic}."


def document(rng: random.Random) -> str:
    kind = rng.random()
    return _told(rng) if kind < 0.4 else _moments(rng) if kind < 0.65 else _cards(rng)
