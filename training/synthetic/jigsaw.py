"""Comments below an article, and whether they are toxic: whether someone in them puts a person down.

The rudeness is mild, and about no group. Rude words alone prove nothing: a plan may be called silly, a person
may be said not to be a fool, a circus may have a clown.
"""

from __future__ import annotations

import random

from training.synthetic.entities import city, full_name
from training.synthetic.grammar import Grammar, sentence
from training.synthetic.lexicon import words

_TALK = words("talk")
_GRAMMAR = Grammar(
    {
        **_TALK,
        "noun": _TALK["put_down_nouns"],
        "adj": _TALK["put_down_adjectives"],
        "kind": _TALK["kind_adjectives"],
        "person": lambda rng: rng.choice((*_TALK["persons"], full_name(rng))),
        "matter": _TALK["matters"],
        "topic": _TALK["topics"],
        "city": city,
        "job": words("people")["jobs"],
        "day": words("news")["days"],
        "n": lambda rng: str(rng.randint(2, 90)),
        "toxic": (
            "you are [a {adj} {noun}|a {noun}|{adj}|nothing but a {noun}|a {noun} and a {noun}].",
            "{person} is [a {adj} {noun}|a {noun}|a {adj} person|nothing but a {noun}].",
            "only a [{adj} {noun}|{noun}] would [write this|believe that|vote for this].",
            "what a [{adj} {noun}|{noun}] {person} is.",
            "go away, you {adj} {noun}.",
            "nobody wants to hear from a {noun} like [you|{person}].",
            "you and {person} are [both {adj}|{adj} people].",
            "shut up, {noun}.",
            "{person} was always a {noun} and [you are one too|always will be].",
            "you are as {adj} as {person}.",
        ),
        "civil": (
            "you are [a {kind} person|{kind}|right about {topic}].",
            "{person} is [a {kind} person|not a {noun}|not {adj}].",
            "this {matter} is {adj}[|, but {person} is {kind}].",
            "you are not [a {adj} {noun}|a {noun}|{adj}].",
            "the {matter} about {topic} is [{adj}|{kind}].",
            "i would not call [you|{person}] [a {noun}|{adj}].",
            "please do not call [anyone|{person}] a {noun}.",
            "i felt like a {noun} when i read about {topic}.",
            "there was a {noun} in the play about {topic}.",
            "calling the {matter} {adj} is fair, but you are {kind}.",
            "what a {kind} {matter} [from {person}|about {topic}].",
            "nobody here is a {noun}.",
            "only a {kind} person would [write this|believe that|vote for this].",
            "what a {kind} person {person} is.",
            "you and {person} are [both {kind}|{kind} people].",
            "{person} was always a {kind} person and always will be.",
            "you are as {kind} as {person}.",
        ),
        "plain": (
            "i read about {topic} on {day}.",
            "{topic} cost {n} dollars a head last year.",
            "i live in {city} and know {topic} well.",
            "the article says {n}, but the number is {n}.",
            "i have [two|three|a few] questions about {topic}.",
            "my neighbour is a {job} and works on {topic}.",
            "we talked about {topic} for {n} minutes.",
            "i see it differently.",
            "the vote on {topic} is on {day}.",
            "has anyone asked [{person}|the {job}] about {topic}?",
        ),
    }
)


def comment(rng: random.Random, toxic: bool) -> str:
    """One sentence that decides, among up to two that do not."""
    sentences = ["{toxic}" if toxic else "{civil}", *["{plain}"] * rng.randint(0, 2)]
    rng.shuffle(sentences)
    text = " ".join(sentence(_GRAMMAR.expand(rng, each)) for each in sentences)
    return text.replace(" i ", " I ")


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"comment_text": …}` and `yes` for a toxic comment, `no` for a civil one."""
    toxic = rng.random() < 0.5
    return {"comment_text": comment(rng, toxic)}, "yes" if toxic else "no"
