"""Someone has some things, and the number changes."""

from __future__ import annotations

import random

from training.synthetic.gsm8k.problem import THINGS, Change, Person, Problem, person, two_people
from training.synthetic.lexicon import words

DAYS = words("news")["days"]


def change(rng: random.Random, who: Person, things: str, value: int) -> Change:
    if rng.random() < 0.08 and value <= 40:
        return Change(rng.choice((f"doubles the number of {things}", "makes it twice as many")), "*", 2)
    if rng.random() < 0.5 or value < 4:
        more = rng.randint(1, 9) if rng.random() < 0.3 else rng.randint(2, 40)
        giver = rng.choice(("mother", "father", "aunt", "uncle", "friend", "teacher", "neighbour"))
        options = (
            f"buys {more} more {things}",
            f"buys {more} more",
            f"buys {more}",
            f"gets {more} more from {who.their} {giver}",
            f"gets {more} from {person(rng).name}",
            f"finds {more} more {things}",
            f"finds {more}",
            f"picks {more} more",
            f"makes {more} more {things}",
            f"wins {more}",
            f"collects {more} more {things}",
            f"adds {more}",
            f"receives {more} {things}",
        )
        return Change(rng.choice(options), "+", more)
    less = rng.randint(1, value - 1)
    taker = rng.choice(("brother", "sister", "cousin", "friend", "classmate", "son", "daughter"))
    options = (
        f"gives {less} {things} to {who.their} {taker}",
        f"gives {less} to {who.their} {taker}",
        f"gives {less} to {person(rng).name}",
        f"gives away {less}",
        f"loses {less} of them",
        f"loses {less}",
        f"sells {less} {things}",
        f"sells {less} of them",
        f"uses {less} of the {things}",
        f"eats {less}",
        f"eats {less} of them",
        f"breaks {less}",
        f"throws away {less} {things}",
        f"puts {less} away",
        f"drops {less} {things}",
    )
    return Change(rng.choice(options), "-", less)


def chain(p: Problem) -> None:
    """Someone has some, gets more, gives some away: one to three changes."""
    rng, who, (_, things) = p.rng, person(p.rng), p.noun(p.rng)
    name = who.name
    if rng.random() < 0.12:
        job = rng.choice(
            ("farmer", "teacher", "baker", "gardener", "shopkeeper", "fisherman", "librarian", "painter")
        )
        name, who = f"the {job}", Person(f"the {job}", who.they, who.their)
        p.text.append(f"a {job} has {{}} {things}.")
    else:
        p.say(
            f"{name} has {{}} {things}.",
            f"{name} has {{}} {things}.",
            f"{name} had {{}} {things}.",
            f"there are {{}} {things} in {name}'s {rng.choice(THINGS['containers'])}.",
            f"{name} starts the day with {{}} {things}.",
        )
    p.value = rng.randint(2, 12) if rng.random() < 0.25 else rng.randint(3, 60)
    p.text[0] = p.text[0].format(p.value)
    predicates = []
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        each = change(rng, who, things, p.value)
        predicates.append(each.said)
        p.apply(each, f"{name} then has {{}} {things}.")
    while predicates:
        joined = predicates[:2] if rng.random() < 0.45 else predicates[:1]
        predicates = predicates[len(joined) :]
        start = rng.choice(("", "", "", "then ", "the next day ", "later ", "after that "))
        p.text.append(
            f"{start}{who.they} {rng.choice((' and ', ' and then ', ' and ', ', then ')).join(joined)}."
        )
    p.say(
        f"how many {things} does {name} have now?",
        f"how many {things} does {name} have in the end?",
        f"how many {things} does {name} have left?",
        f"how many {things} are left?",
        f"how many {things} does {who.they} have now?",
        f"how many does {who.they} have now?",
        f"how many {things} are there now?",
    )


def joined(p: Problem) -> None:
    """The start and the first change in one sentence, or two gifts in one."""
    rng, who, (_, things) = p.rng, person(p.rng), p.noun(p.rng)
    name = who.name
    if rng.random() < 0.3:
        job = rng.choice(
            ("farmer", "teacher", "baker", "gardener", "shopkeeper", "fisherman", "librarian", "painter")
        )
        name, who = f"the {job}", Person(f"the {job}", who.they, who.their)
    opening = name.replace("the ", "a ", 1) if name.startswith("the ") else name
    p.value = rng.randint(6, 60)
    if rng.random() < 0.4:
        first = rng.randint(1, p.value - 3)
        second = rng.randint(1, p.value - first - 1)
        a, b = two_people(rng)
        p.text.append(f"{opening} has {p.value} {things}.")
        p.say(
            f"{who.they} gives {first} to {a.name} and {second} to {b.name}.",
            f"{who.they} gives {a.name} {first} {things} and {b.name} {second}.",
            f"{who.they} sells {first} on {rng.choice(DAYS)} and {second} on {rng.choice(DAYS)}.",
        )
        changes = [Change("", "-", first), Change("", "-", second)]
    else:
        changes = [change(rng, who, things, p.value)]
        p.text.append(f"{opening} has {p.value} {things} and {changes[0].said}.")
    for each in changes:
        p.apply(each, f"{name} then has {{}} {things}.")
    if len(changes) == 1 and rng.random() < 0.5:
        last = change(rng, who, things, p.value)
        p.text.append(f"{rng.choice(('then ', 'later ', ''))}{who.they} {last.said}.")
        p.apply(last, f"{name} then has {{}} {things}.")
    p.say(
        f"how many {things} does {who.they} have left?",
        f"how many {things} does {name} have?",
        f"how many {things} are left?",
        f"how many {things} does {who.they} have now?",
    )
