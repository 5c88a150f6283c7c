"""Facts about things nobody has heard of: for every fact, the questions that it answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from training.synthetic.dbpedia import latin_name
from training.synthetic.entities import city, club, company, country, full_name
from training.synthetic.grammar import Grammar, sentence, with_articles
from training.synthetic.lexicon import invented_name, words

_PLACES, _NEWS, _THINGS = words("places"), words("news"), words("things")
_GRAMMAR = Grammar(
    {
        "person": full_name,
        "odd": invented_name,
        "city": city,
        "country": country,
        "company": company,
        "club": club,
        "year": lambda rng: str(rng.randint(1400, 2022)),
        "n": lambda rng: str(rng.randint(12, 990)),
        "few": lambda rng: str(rng.randint(2, 30)),
        "material": _THINGS["materials"],
        "feature": _THINGS["facts_nouns"],
        "animal": _THINGS["animals"],
        "goods": _NEWS["commodities"],
        "job": words("people")["jobs"],
        "nation": _PLACES["nationalities"],
        "month": _NEWS["months"],
    }
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of thing: how one is named, and its facts as (predicate, questions); IT stands for the name."""

    name: Callable[[random.Random], str]
    facts: Mapping[str, tuple[str, tuple[str, ...]]]
    pronouns: tuple[str, ...] = ("It",)
    relatives: tuple[str, ...] = ("which",)


def _of(template: str) -> Callable[[random.Random], str]:
    return lambda rng: _GRAMMAR.expand(rng, template)


SUBJECTS: dict[str, Subject] = {
    "building": Subject(
        _of("[{odd} Castle|{odd} Tower|{odd} Bridge|{odd} Hall|{odd} Abbey]"),
        {
            "built": ("was built in {year}", ("when was IT built?", "in which year was IT built?")),
            "architect": ("was designed by {person}", ("who designed IT?", "which architect designed IT?")),
            "size": (
                "is {n} metres [high|long]",
                ("how [high|long|large] is IT?", "what is the size of IT?"),
            ),
            "place": ("stands in {city}", ("where is IT?", "in which town does IT stand?")),
            "repair": ("was repaired in {year}", ("when was IT repaired?", "in which year was IT repaired?")),
            "owner": ("belongs to {company}", ("who owns IT?", "to whom does IT belong?")),
            "material": ("is made of {material}", ("what is IT made of?", "which material is IT made of?")),
        },
    ),
    "company": Subject(
        company,
        {
            "founded": ("was founded in {year}", ("when was IT founded?", "in which year was IT founded?")),
            "founder": ("was founded by {person}", ("who founded IT?", "which person founded IT?")),
            "goods": ("sells {goods}", ("what does IT sell?", "which goods does IT sell?")),
            "staff": (
                "employs {n} people",
                ("how many people work for IT?", "how many workers does IT employ?"),
            ),
            "place": ("is based in {city}", ("where is IT based?", "in which city is IT based?")),
            "head": ("is led by {person}", ("who leads IT?", "who is the head of IT?")),
            "sale": ("was sold in {year}", ("when was IT sold?", "in which year was IT sold?")),
        },
    ),
    "person": Subject(
        full_name,
        {
            "born": ("was born in {year}", ("when was IT born?", "in which year was IT born?")),
            "home": ("grew up in {city}", ("where did IT grow up?", "in which town did IT grow up?")),
            "work": ("worked as a {job}", ("what was the job of IT?", "what did IT work as?")),
            "spouse": ("married {person}", ("who was IT married to?", "whom did IT marry?")),
            "studies": (
                "studied at the University of {city}",
                ("where did IT study?", "at which university did IT study?"),
            ),
            "death": ("died in {year}", ("when did IT die?", "in which year did IT die?")),
            "children": (
                "had {few} children",
                ("how many children did IT have?", "what number of children did IT have?"),
            ),
        },
        pronouns=("He", "She"),
        relatives=("who",),
    ),
    "water": Subject(
        _of("[Lake {odd}|River {odd}|{odd} Bay|Mount {odd}|{odd} Falls]"),
        {
            "length": ("is {n} km long", ("how long is IT?", "what is the length of IT?")),
            "place": ("lies in {country}", ("where is IT?", "in which country does IT lie?")),
            "name": ("is named after {person}", ("who is IT named after?", "after whom is IT named?")),
            "animal": (
                "is home to a rare {animal}",
                ("which animal lives at IT?", "what rare animal is found at IT?"),
            ),
            "found": (
                "was first mapped in {year}",
                ("when was IT first mapped?", "in which year was IT mapped?"),
            ),
            "visitors": (
                "has {n} visitors a day",
                ("how many people visit IT?", "what number of visitors does IT have?"),
            ),
            "neighbour": (
                "borders on the {odd} {feature}",
                ("what does IT border on?", "what is next to IT?"),
            ),
        },
    ),
    "battle": Subject(
        _of("the [Battle|Siege|Treaty|Council] of {odd}"),
        {
            "year": ("took place in {year}", ("when did IT take place?", "in which year did IT happen?")),
            "days": ("lasted {few} days", ("how long did IT last?", "for how many days did IT go on?")),
            "leader": ("was led by {person}", ("who led IT?", "which person was in charge of IT?")),
            "side": ("was won by the {nation} side", ("who won IT?", "which side won IT?")),
            "cause": ("began over {goods}", ("why did IT begin?", "what was the cause of IT?")),
            "people": (
                "involved {n} men",
                ("how many men took part in IT?", "how many people were involved in IT?"),
            ),
        },
    ),
    "species": Subject(
        latin_name,
        {
            "food": ("feeds on {goods}", ("what does IT eat?", "what does IT feed on?")),
            "finder": ("was found by {person}", ("who found IT?", "which person found IT?")),
            "range": ("lives in {country}", ("where does IT live?", "in which country is IT found?")),
            "size": ("is {n} millimetres long", ("how long is IT?", "what is the size of IT?")),
            "age": ("lives for {few} years", ("how old does IT get?", "how many years does IT live?")),
            "season": (
                "sleeps until {month}",
                ("until when does IT sleep?", "until which month does IT sleep?"),
            ),
        },
    ),
}


def facts(rng: random.Random, count: int) -> tuple[Subject, str, dict[str, str]]:
    """A subject, the name of one of its kind, and `count` of its facts: predicates by key."""
    subject = SUBJECTS[rng.choice(tuple(SUBJECTS))]
    keys = rng.sample(tuple(subject.facts), count)
    return subject, subject.name(rng), {key: _GRAMMAR.expand(rng, subject.facts[key][0]) for key in keys}


def tell(rng: random.Random, subject: Subject, name: str, predicates: Sequence[str]) -> str:
    """One to three sentences that say all of these of the name."""
    first, *rest = predicates
    they = rng.choice(subject.pronouns)
    if len(rest) == 1 and rng.random() < 0.25:
        text = f"{name}, {rng.choice(subject.relatives)} {first}, {rest[0]}"
    else:
        text = f"{name} {first}"
        for more in rest:
            joint = ". " if " and " in text else rng.choice((" and ", ". "))
            text += joint + (f"{they} {more}" if joint == ". " else more)
    return sentence(with_articles(text)) + "."


def question(rng: random.Random, subject: Subject, name: str, key: str) -> str:
    return sentence(_GRAMMAR.expand(rng, rng.choice(subject.facts[key][1])).replace("IT", name))
