"""Word problems with one to three steps, solved step by step, in the style of GSM8K.

A solution has one sentence with an equation for each step and ends with `#### ` and the number.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from training.synthetic.grammar import sentence
from training.synthetic.lexicon import invented_name, words

_PEOPLE, _THINGS = words("people"), words("things")
_SENTENCE_START = re.compile(r"^\w|(?<=[.?] )\w")


@dataclass
class Problem:
    """A problem under construction: sentences of the question, steps of the solution, the number so far."""

    rng: random.Random
    text: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    value: int = 0

    def say(self, *options: str) -> None:
        self.text.append(self.rng.choice(options))

    def step(self, equation: str, value: int, template: str) -> None:
        """Adds a step; `{}` in the template is replaced by `equation = value`."""
        self.steps.append(template.format(f"{equation} = {value}"))
        self.value = value

    def finished(self) -> tuple[dict[str, str], str]:
        question = _SENTENCE_START.sub(lambda m: m[0].upper(), " ".join(self.text))
        return {"question": question}, "\n".join([*(sentence(s) for s in self.steps), f"#### {self.value}"])


@dataclass(frozen=True)
class Person:
    name: str
    they: str
    their: str


def person(rng: random.Random) -> Person:
    if rng.random() < 0.5:
        return Person(rng.choice(_PEOPLE["first_female"]), "she", "her")
    if rng.random() < 0.1:
        return Person(invented_name(rng), "he", "his")
    return Person(rng.choice(_PEOPLE["first_male"]), "he", "his")


def thing(rng: random.Random) -> tuple[str, str]:
    """Singular and plural of something countable."""
    singular = rng.choice(_THINGS["countable"])
    irregular = {"leaf": "leaves", "sheep": "sheep", "fish": "fish", "goose": "geese", "toy car": "toy cars"}
    if singular in irregular:
        return singular, irregular[singular]
    if singular.endswith(("s", "x", "ch", "sh", "to")):
        return singular, singular + "es"
    if singular.endswith("y") and singular[-2] not in "aeiou":
        return singular, singular[:-1] + "ies"
    return singular, singular + "s"


def two_people(rng: random.Random) -> tuple[Person, Person]:
    first, second = person(rng), person(rng)
    while second.name == first.name:
        second = person(rng)
    return first, second


def chain(p: Problem) -> None:
    """Someone has some, gets more, gives some away: one to three changes."""
    rng, who, (_, things) = p.rng, person(p.rng), thing(p.rng)
    p.value = rng.randint(3, 60)
    p.say(
        f"{who.name} has {p.value} {things}.",
        f"{who.name} had {p.value} {things}.",
        f"there are {p.value} {things} in {who.name}'s {rng.choice(_THINGS['containers'])}.",
        f"{who.name} starts the day with {p.value} {things}.",
    )
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        kind = rng.random()
        if kind < 0.1 and p.value <= 40:
            p.say(
                f"then {who.they} doubles the number of {things}.",
                f"the next day {who.they} has twice as many.",
            )
            p.step(f"{p.value} * 2", p.value * 2, f"{who.name} now has {{}} {things}.")
        elif kind < 0.5 or p.value < 6:
            more = rng.randint(2, 40)
            p.say(
                f"{who.they} buys {more} more {things}.",
                f"{who.they} gets {more} more from {who.their} {rng.choice(('mother', 'father', 'aunt', 'uncle', 'friend', 'teacher', 'neighbour'))}.",
                f"{who.they} finds {more} more {things}.",
                f"a friend gives {who.name} {more} {things}.",
            )
            p.step(f"{p.value} + {more}", p.value + more, f"{who.name} then has {{}} {things}.")
        else:
            less = rng.randint(1, p.value - 1)
            p.say(
                f"{who.they} gives {less} {things} to {who.their} {rng.choice(('brother', 'sister', 'cousin', 'friend', 'classmate'))}.",
                f"{who.they} loses {less} of them.",
                f"{who.they} sells {less} {things}.",
                f"{who.they} uses {less} of the {things}.",
                f"{less} {things} are broken and {who.they} throws them away.",
            )
            p.step(f"{p.value} - {less}", p.value - less, f"{who.name} then has {{}} {things}.")
    p.say(
        f"how many {things} does {who.name} have now?",
        f"how many {things} does {who.name} have in the end?",
        f"how many {things} are left?",
        f"how many {things} does {who.they} have now?",
    )


def shopping(p: Problem) -> None:
    """Things at a price each, perhaps two kinds, perhaps change from a note."""
    rng, who = p.rng, person(p.rng)
    item, count, price = rng.choice(_THINGS["priced"]), rng.randint(2, 12), rng.randint(2, 12)
    p.say(
        f"a {item} costs {price} dollars. {who.name} buys {count} of them.",
        f"{who.name} buys {count} of the same {item} at {price} dollars each.",
        f"at the {rng.choice(_THINGS['shops'])}, one {item} costs {price} dollars and {who.name} takes {count}.",
    )
    p.step(f"{count} * {price}", count * price, f"the {item}s cost {{}} dollars.")
    if rng.random() < 0.4:
        other, cost = rng.choice(_THINGS["priced"]), rng.randint(2, 40)
        p.say(
            f"{who.they} also buys a {other} for {cost} dollars.",
            f"{who.they} pays {cost} dollars for a {other} too.",
        )
        p.step(f"{p.value} + {cost}", p.value + cost, "together that is {} dollars.")
    if rng.random() < 0.5:
        note = rng.choice([n for n in (20, 50, 100, 200) if n > p.value])
        p.say(
            f"{who.they} pays with {note} dollars. how many dollars of change does {who.they} get?",
            f"{who.name} came with {note} dollars. how many dollars does {who.they} have left?",
        )
        p.step(f"{note} - {p.value}", note - p.value, f"{who.name} has {{}} dollars left.")
    else:
        p.say(f"how many dollars does {who.name} pay?", f"how much does {who.name} spend in total?")


def packing(p: Problem) -> None:
    """Containers with the same number in each, then some more or fewer."""
    rng, who, (_, things), box = p.rng, person(p.rng), thing(p.rng), p.rng.choice(_THINGS["containers"])
    boxes, each = rng.randint(2, 12), rng.randint(2, 15)
    plural = {"box": "boxes", "shelf": "shelves"}.get(box, box + "s")
    p.say(
        f"{who.name} has {boxes} {plural} with {each} {things} in each.",
        f"there are {boxes} {plural}, and each holds {each} {things}.",
        f"{who.name} fills {boxes} {plural} with {each} {things} each.",
    )
    p.step(f"{boxes} * {each}", boxes * each, f"the {plural} hold {{}} {things}.")
    kind = rng.random()
    if kind < 0.35:
        more = rng.randint(2, 40)
        p.say(f"{more} more {things} lie on the table.", f"{who.name} finds another {more} {things}.")
        p.step(f"{p.value} + {more}", p.value + more, f"with the others there are {{}} {things}.")
    elif kind < 0.7:
        less = rng.randint(1, p.value - 1)
        p.say(
            f"{who.name} takes out {less} {things}.",
            f"{less} of the {things} are sold.",
            f"{less} {things} are lost.",
        )
        p.step(f"{p.value} - {less}", p.value - less, f"after that there are {{}} {things}.")
    p.say(f"how many {things} are there now?", f"how many {things} are there in total?")


def sharing(p: Problem) -> None:
    """An equal share, perhaps after something is taken away."""
    rng, who, (_, things) = p.rng, person(p.rng), thing(p.rng)
    friends, share = rng.randint(2, 10), rng.randint(2, 12)
    total, kept = friends * share, rng.choice((0, 0, rng.randint(1, 20)))
    p.say(f"{who.name} has {total + kept} {things}.", f"{who.name} gathers {total + kept} {things}.")
    p.value = total + kept
    if kept:
        p.say(f"{who.they} keeps {kept} for {who.their} family.", f"{who.they} puts {kept} of them away.")
        p.step(f"{p.value} - {kept}", total, f"that leaves {{}} {things}.")
    p.say(
        f"{who.they} shares the rest equally among {friends} friends."
        if kept
        else f"{who.they} shares them equally among {friends} friends.",
        f"{who.they} puts {'the rest' if kept else 'them'} into {friends} equal groups.",
    )
    p.step(f"{total} / {friends}", share, f"each gets {{}} {things}.")
    p.say(f"how many {things} does each get?", f"how many {things} are in each share?")


def comparing(p: Problem) -> None:
    """Two people, one with more, fewer or a multiple of the other's."""
    rng, (a, b), (_, things) = p.rng, two_people(p.rng), thing(p.rng)
    own = rng.randint(4, 30)
    kind = rng.random()
    p.say(f"{a.name} has {own} {things}.", f"{a.name} collects {own} {things}.")
    if kind < 0.4:
        more = rng.randint(2, 30)
        p.say(f"{b.name} has {more} more {things} than {a.name}.")
        p.step(f"{own} + {more}", own + more, f"{b.name} has {{}} {things}.")
    elif kind < 0.65:
        fewer = rng.randint(1, own - 1)
        p.say(f"{b.name} has {fewer} fewer {things} than {a.name}.")
        p.step(f"{own} - {fewer}", own - fewer, f"{b.name} has {{}} {things}.")
    else:
        factor, word = rng.choice(((2, "twice"), (3, "three times"), (4, "four times")))
        p.say(f"{b.name} has {word} as many {things} as {a.name}.")
        p.step(f"{own} * {factor}", own * factor, f"{b.name} has {{}} {things}.")
    if rng.random() < 0.6:
        p.say(f"how many {things} do {a.name} and {b.name} have together?", "how many do they have in total?")
        p.step(f"{own} + {p.value}", own + p.value, f"together they have {{}} {things}.")
    else:
        p.say(f"how many {things} does {b.name} have?")


def rate(p: Problem) -> None:
    """So much a day or an hour, for some days or hours."""
    rng, who = p.rng, person(p.rng)
    kind = rng.random()
    per, units = rng.randint(2, 15), rng.randint(2, 12)
    if kind < 0.35:
        p.say(
            f"{who.name} reads {per} pages every day for {units} days.",
            f"for {units} days {who.name} reads {per} pages a day.",
        )
        unit = "pages"
    elif kind < 0.65:
        activity = rng.choice(_THINGS["activities"])
        p.say(
            f"{who.name} spends {per} minutes a day {activity}, on {units} days.",
            f"{who.name} spends {per} minutes {activity} on each of {units} days.",
        )
        unit = "minutes"
    else:
        job = rng.choice(("walking dogs", "washing cars", "babysitting", "mowing lawns", "selling lemonade"))
        p.say(
            f"{who.name} earns {per} dollars an hour {job} and works {units} hours.",
            f"{who.name} works {units} hours {job} for {per} dollars an hour.",
        )
        unit = "dollars"
    p.step(f"{units} * {per}", units * per, f"that makes {{}} {unit}.")
    if rng.random() < 0.45:
        if unit == "pages":
            total = p.value + rng.randint(5, 90)
            p.say(f"the book has {total} pages. how many pages are left?")
        elif unit == "dollars" and p.value > 3:
            total = None
            spent = rng.randint(1, p.value - 1)
            p.say(f"then {who.they} spends {spent} dollars. how many dollars are left?")
            p.step(f"{p.value} - {spent}", p.value - spent, "after that {} dollars are left.")
            return
        else:
            total = p.value + rng.randint(5, 90)
            p.say(f"the goal is {total} {unit}. how many {unit} are missing?")
        p.step(f"{total} - {p.value}", total - p.value, f"that leaves {{}} {unit}.")
    else:
        p.say(f"how many {unit} is that in total?", f"how many {unit} does that make?")


def seats(p: Problem) -> None:
    """Rows of seats, trees or tiles, some of them empty."""
    rng = p.rng
    rows, each = rng.randint(3, 15), rng.randint(3, 12)
    place, unit, gone = rng.choice(
        (
            ("theatre", "seats", "empty"),
            ("bus", "seats", "free"),
            ("garden", "trees", "bare"),
            ("classroom", "desks", "broken"),
            ("field", "plants", "dry"),
            ("car park", "spaces", "free"),
            ("hall", "chairs", "taken"),
        )
    )
    p.say(
        f"a {place} has {rows} rows of {each} {unit}.",
        f"in a {place} there are {rows} rows with {each} {unit} in each row.",
    )
    p.step(f"{rows} * {each}", rows * each, f"there are {{}} {unit}.")
    if rng.random() < 0.7:
        less = rng.randint(1, p.value - 1)
        p.say(f"{less} {unit} are {gone}. how many {unit} are not {gone}?")
        p.step(f"{p.value} - {less}", p.value - less, f"{{}} {unit} are not {gone}.")
    else:
        p.say(f"how many {unit} are there?")


def ages(p: Problem) -> None:
    rng, (a, b) = p.rng, two_people(p.rng)
    age, gap, later = rng.randint(4, 40), rng.randint(2, 15), rng.randint(2, 15)
    if rng.random() < 0.5 and age > gap:
        p.say(f"{a.name} is {age} years old. {b.name} is {gap} years younger.")
        p.step(f"{age} - {gap}", age - gap, f"{b.name} is {{}} years old.")
    else:
        p.say(f"{a.name} is {age} years old. {b.name} is {gap} years older.")
        p.step(f"{age} + {gap}", age + gap, f"{b.name} is {{}} years old.")
    if rng.random() < 0.6:
        p.say(f"how old will {b.name} be in {later} years?")
        p.step(f"{p.value} + {later}", p.value + later, f"in {later} years {b.name} will be {{}} years old.")
    else:
        p.say(f"how old is {b.name}?")


FAMILIES = (
    chain,
    chain,
    chain,
    shopping,
    shopping,
    packing,
    packing,
    sharing,
    comparing,
    comparing,
    rate,
    seats,
    ages,
)


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"question": …}` and the solution."""
    problem = Problem(rng)
    rng.choice(FAMILIES)(problem)
    return problem.finished()
