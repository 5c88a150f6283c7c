# ruff: noqa: E501 (a template is one line)
"""Questions as people put them to a forum: what is asked, about what, and under which circumstances."""

from __future__ import annotations

import random
from dataclasses import dataclass

from training.synthetic.entities import city, country
from training.synthetic.grammar import Grammar, sentence, with_articles
from training.synthetic.lexicon import words

_WORDS = words("questions")
_GRAMMAR = Grammar({})
# Per kind of topic, everything that can be asked about it, each in several wordings. TOPIC and SETTING are filled in.
INTENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "skills": {
        "way": (
            "how [do|can|should] I learn TOPIC SETTING?",
            "what is the best way to learn TOPIC SETTING?",
            "how does one learn TOPIC SETTING?",
            "which method of learning TOPIC SETTING works best?",
        ),
        "time": (
            "how long does it take to learn TOPIC SETTING?",
            "how many [weeks|months] will I need to learn TOPIC SETTING?",
            "learning TOPIC SETTING: how much time does it take?",
        ),
        "price": (
            "how much does it cost to learn TOPIC SETTING?",
            "what do lessons cost if I want to learn TOPIC SETTING?",
            "is it expensive to learn TOPIC SETTING?",
        ),
        "trouble": (
            "why is it so [hard|difficult] to learn TOPIC SETTING?",
            "what makes it [hard|difficult] to learn TOPIC SETTING?",
            "learning TOPIC SETTING: why is it difficult?",
        ),
        "teacher": (
            "who can teach me TOPIC SETTING?",
            "where do I find a teacher if I want to learn TOPIC SETTING?",
            "which teacher is good for learning TOPIC SETTING?",
        ),
    },
    "foods": {
        "way": (
            "how do I make TOPIC SETTING?",
            "what is a good recipe for TOPIC SETTING?",
            "what is the way to prepare TOPIC SETTING?",
            "how should TOPIC be made SETTING?",
        ),
        "keep": (
            "how long does TOPIC keep SETTING?",
            "how many days can I store TOPIC SETTING?",
            "when does TOPIC go bad SETTING?",
        ),
        "health": (
            "is TOPIC healthy SETTING?",
            "is it good for me to eat TOPIC SETTING?",
            "how healthy is it to eat TOPIC SETTING?",
        ),
        "shop": (
            "where can I buy TOPIC SETTING?",
            "which shop sells TOPIC SETTING?",
            "where is TOPIC sold SETTING?",
        ),
        "match": (
            "what goes well with TOPIC SETTING?",
            "what should I serve with TOPIC SETTING?",
            "which side dish suits TOPIC SETTING?",
        ),
    },
    "jobs": {
        "way": (
            "how do I become TOPIC SETTING?",
            "what must I do to become TOPIC SETTING?",
            "which steps lead to a career as TOPIC SETTING?",
        ),
        "pay": (
            "how much does TOPIC earn SETTING?",
            "what is the salary of TOPIC SETTING?",
            "is TOPIC paid well SETTING?",
        ),
        "day": (
            "what does TOPIC do all day SETTING?",
            "what is the daily work of TOPIC SETTING?",
            "what are the duties of TOPIC SETTING?",
        ),
        "worth": (
            "is it worth becoming TOPIC SETTING?",
            "should I become TOPIC SETTING?",
            "is it a good idea to become TOPIC SETTING?",
        ),
        "school": (
            "what do I have to study to be TOPIC SETTING?",
            "which school trains people to be TOPIC SETTING?",
            "which degree does TOPIC need SETTING?",
        ),
    },
    "devices": {
        "repair": (
            "how do I repair TOPIC SETTING?",
            "what is the way to fix TOPIC SETTING?",
            "can I mend TOPIC myself SETTING?",
        ),
        "choice": (
            "how do I choose TOPIC SETTING?",
            "what should I look for when I pick TOPIC SETTING?",
            "which model of TOPIC is best SETTING?",
        ),
        "price": (
            "how much does TOPIC cost SETTING?",
            "what is the price of TOPIC SETTING?",
            "how expensive is TOPIC SETTING?",
        ),
        "clean": (
            "how do I clean TOPIC SETTING?",
            "what is the best way to get dirt off TOPIC SETTING?",
            "how is TOPIC washed SETTING?",
        ),
        "sell": (
            "where can I sell TOPIC SETTING?",
            "who buys TOPIC second-hand SETTING?",
            "how do I find a buyer for TOPIC SETTING?",
        ),
    },
    "pets": {
        "food": (
            "what does TOPIC eat SETTING?",
            "what should I feed TOPIC SETTING?",
            "which food is good for TOPIC SETTING?",
        ),
        "life": (
            "how long does TOPIC live SETTING?",
            "what age does TOPIC reach SETTING?",
            "how old does TOPIC get SETTING?",
        ),
        "keep": (
            "can I keep TOPIC SETTING?",
            "is it possible to have TOPIC as a pet SETTING?",
            "am I allowed to own TOPIC SETTING?",
        ),
        "name": (
            "what is a good name for TOPIC SETTING?",
            "how should I name TOPIC SETTING?",
            "what do people call TOPIC SETTING?",
        ),
        "train": (
            "how do I train TOPIC SETTING?",
            "what is the best way to teach TOPIC tricks SETTING?",
            "how does TOPIC learn tricks SETTING?",
        ),
    },
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked. Topic and setting are synonyms."""

    kind: str
    intent: str
    topic: tuple[str, ...]
    setting: tuple[str, ...]


def _topic(rng: random.Random, kind: str) -> tuple[str, ...]:
    return tuple(rng.choice(_WORDS[kind]).split("/"))


def _setting(rng: random.Random, kind: str) -> tuple[str, ...]:
    style = rng.random()
    if style < 0.2:
        return ("",)
    if style < 0.6 or kind not in ("skills", "devices"):
        return (f"in {city(rng)}",) if style < 0.7 else (f"in {country(rng)}",)
    return tuple(rng.choice(_WORDS["settings"]).split("/"))


def ask(rng: random.Random) -> Ask:
    kind = rng.choice(tuple(INTENTS))
    return Ask(kind, rng.choice(tuple(INTENTS[kind])), _topic(rng, kind), _setting(rng, kind))


def other_ask(rng: random.Random, first: Ask) -> Ask:
    """A question of the same kind that differs in one or two of intent, topic and setting."""
    parts = rng.choice(
        (
            ("intent",),
            ("intent",),
            ("topic",),
            ("topic",),
            ("setting",),
            ("intent", "topic"),
            ("topic", "setting"),
        )
    )
    while True:
        second = Ask(
            first.kind,
            rng.choice(tuple(INTENTS[first.kind])) if "intent" in parts else first.intent,
            _topic(rng, first.kind) if "topic" in parts else first.topic,
            _setting(rng, first.kind) if "setting" in parts else first.setting,
        )
        if all(getattr(second, part) != getattr(first, part) for part in parts):
            return second


def wording(rng: random.Random, ask: Ask, template: str) -> str:
    text = _GRAMMAR.expand(rng, template).replace("TOPIC", rng.choice(ask.topic))
    setting = rng.choice(ask.setting)
    return sentence(with_articles(text.replace(" SETTING", f" {setting}" if setting else "")))


def two_wordings(rng: random.Random, first: Ask, second: Ask) -> tuple[str, str]:
    """Both questions, in different templates where the intent is the same."""
    templates = [rng.choice(INTENTS[each.kind][each.intent]) for each in (first, second)]
    if first.intent == second.intent:
        templates = rng.sample(INTENTS[first.kind][first.intent], 2)
    a, b = (wording(rng, each, template) for each, template in zip((first, second), templates, strict=True))
    return a, b
