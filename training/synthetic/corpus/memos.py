"""Office prose: notices and instructions, with the words in which people give tasks and no answers."""

from __future__ import annotations

import random

from training.synthetic.entities import full_name
from training.synthetic.grammar import Grammar, sentence
from training.synthetic.gsm8k.problem import thing
from training.synthetic.lexicon import words

_GRAMMAR = Grammar(
    {
        "who": full_name,
        "day": words("news")["days"],
        "issue": words("news")["issues"],
        "things": lambda rng: thing(rng)[1],
        "doc": (
            "letter",
            "report",
            "article",
            "sentence",
            "passage",
            "question",
            "table",
            "form",
            "list",
            "note",
            "headline",
            "clause",
            "comment",
            "transcript",
            "representation",
            "translation",
            "summary",
            "payload",
            "title",
            "description",
        ),
        "verb": (
            "read",
            "answer",
            "complete",
            "translate",
            "summarise",
            "classify",
            "categorise",
            "label",
            "check",
            "determine",
            "predict",
            "recognise",
            "respond to",
            "identify",
            "describe",
        ),
        "noun": (
            "category",
            "entity",
            "sentiment",
            "task",
            "example",
            "guideline",
            "output",
            "input",
            "response",
            "explanation",
            "option",
            "answer",
            "criterion",
            "topic",
            "name",
            "schema",
            "meaning",
        ),
        "quality": (
            "positive",
            "negative",
            "neutral",
            "plain",
            "correct",
            "similar",
            "toxic",
            "relevant",
            "concise",
            "brief",
            "previous",
            "following",
            "possible",
            "appropriate",
            "equivalent",
        ),
        "line": (
            "Please {verb} the {doc} before {day}.",
            "The following {doc} was sent to {who}.",
            "You are given a {doc} and a {doc}. The office will {verb} them.",
            "Below is a {doc} about {issue}.",
            "We {verb} each {doc} and place it in the {doc} associated with its {noun}.",
            "The {noun} of the {doc} is {quality}.",
            "If the {doc} is {quality}, return it to {who}. Otherwise, keep it.",
            "Using the {quality} {noun} as a guideline, {who} will {verb} the {doc} in plain English.",
            "Two examples of the {noun} are in the {doc}.",
            "The {doc} was translated into English by {who}.",
            "Give your {noun} in one sentence or less.",
            "Is the {noun} {quality}? The {doc} does not say.",
            "Now, let us {verb} the next {doc}.",
            "Respond to {who} and not to the {doc}.",
            "The {noun} recognition is {quality} and the {doc} is {quality}.",
            "Named after {who}, the {doc} deals with {issue}.",
            "The label on the {things} is {quality}.",
            "Here is one {noun} of a {doc} being {quality}.",
        ),
    }
)


def document(rng: random.Random) -> str:
    text = " ".join(sentence(_GRAMMAR.draw(rng, "line")) for _ in range(rng.randint(3, 7)))
    if rng.random() < 0.4:
        return f"{'#' * rng.randint(1, 4)} {rng.choice(('Notice', 'Minutes', 'Office', 'Memo'))}\n\n{text}"
    return text
