"""Reviews: several sentences of one opinion, sometimes with a verdict in words."""

from __future__ import annotations

import random

from training.synthetic.entities import full_name
from training.synthetic.glue_sst2 import POLAR, untokenised
from training.synthetic.grammar import Grammar, sentence
from training.synthetic.lexicon import words
from training.synthetic.viggo import title

_VERDICT = {
    "good": ("recommended", "a must", "see it", "thumbs up", "praise", "a happy evening", "positive"),
    "bad": ("avoid", "skip it", "thumbs down", "blame", "a wasted evening", "negative"),
}
_FRAMES = Grammar(
    {
        "name": title,
        "maker": full_name,
        "film": ("film", "movie", "comedy", "drama", "thriller", "show", "book", "album", "play", "novel"),
        "day": words("news")["days"],
        "topic": words("film")["topics"],
        "opening": (
            "I saw {name} on {day}.",
            "{name} is a {film} by {maker} about {topic}.",
            "{maker} is back with a new {film}, {name}.",
            "Last night we watched {name}, a {film} about {topic}.",
            "What is {name} about? It is about {topic}.",
            "The {film} tells of {topic}.",
            "{name} opened on {day}.",
        ),
    }
)


def document(rng: random.Random) -> str:
    polarity = rng.choice(("good", "bad"))
    grammar = POLAR[polarity]
    body = [grammar.draw(rng, "any") for _ in range(rng.randint(2, 5))]
    style = rng.random()
    if style < 0.25:
        return "\n".join(body)
    text = " ".join(untokenised(part) for part in body)
    if rng.random() < 0.7:
        text = sentence(_FRAMES.draw(rng, "opening")) + " " + text
    if style < 0.5:
        return f"{text}\nVerdict: {rng.choice(_VERDICT[polarity])}."
    if style < 0.6:
        return f"{sentence(rng.choice(_VERDICT[polarity]))}! {text}"
    if style < 0.7:
        return f"{text}\n\nReviewed by {full_name(rng)}"
    return text
