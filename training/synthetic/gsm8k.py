"""Word problems with one to three steps, solved step by step, in the style of GSM8K.

A solution has one sentence with an equation for each step and ends with `#### ` and the number.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import invented_name, invented_word, words

_PEOPLE, _THINGS = words("people"), words("things")
_DAYS = words("news")["days"]
_SENTENCE_START = re.compile(r"^\w|(?<=[.?] )\w")


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
        return Person(rng.choice(_PEOPLE["first_female"]), "she", "her")
    if rng.random() < 0.1:
        return Person(invented_name(rng), "he", "his")
    return Person(rng.choice(_PEOPLE["first_male"]), "he", "his")


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
    singular = rng.choice(_THINGS["countable"])
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


@dataclass(frozen=True)
class Change:
    """What someone does with the things: said as a predicate, which can be joined with another by `and`."""

    said: str
    sign: str
    amount: int


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
            f"there are {{}} {things} in {name}'s {rng.choice(_THINGS['containers'])}.",
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
            f"{who.they} sells {first} on {rng.choice(_DAYS)} and {second} on {rng.choice(_DAYS)}.",
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


def shopping(p: Problem) -> None:
    """Things at a price each, perhaps two kinds, perhaps change from a note."""
    rng, who = p.rng, person(p.rng)
    item, count, price = rng.choice(_THINGS["priced"]), rng.randint(2, 12), rng.randint(2, 12)
    p.say(
        f"a {item} costs {price} dollars. {who.name} buys {count} of them.",
        f"{who.name} buys {count} of the same {item} at {price} dollars each.",
        f"at the {rng.choice(_THINGS['shops'])}, one {item} costs {price} dollars and {who.name} takes {count}.",
    )
    p.step(f"{count} * {price}", count * price, f"the {plural(item)} cost {{}} dollars.")
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


def bill(p: Problem) -> None:
    """Several of one thing and one of another, or several of both, in one sentence."""
    rng, who = p.rng, person(p.rng)
    (item, items), other = p.noun(rng), rng.choice(_THINGS["priced"])
    count, price, cost = rng.randint(2, 12), rng.randint(2, 12), rng.randint(2, 40)
    p.say(
        f"{who.name} buys {count} {items} for {price} dollars each and a {other} for {cost} dollars.",
        f"{who.name} buys {count} {items} at {price} dollars each, and one {other} that costs {cost} dollars.",
        f"one {item} costs {price} dollars, and a {other} costs {cost} dollars. {who.name} buys {count} {items} and a {other}.",
    )
    p.step(f"{count} * {price}", count * price, f"the {items} cost {{}} dollars.")
    p.step(f"{p.value} + {cost}", p.value + cost, "together that is {} dollars.")
    p.say(
        f"how much does {who.they} spend?",
        f"how much does {who.name} pay?",
        "how many dollars is that in total?",
    )


def packing(p: Problem) -> None:
    """Containers with the same number in each, then some more or fewer."""
    rng, who, (_, things), box = p.rng, person(p.rng), p.noun(p.rng), p.rng.choice(_THINGS["containers"])
    boxes, each = rng.randint(2, 12), rng.randint(2, 15)
    filled = plural(box)
    p.say(
        f"{who.name} has {boxes} {filled} with {each} {things} in each.",
        f"there are {boxes} {filled}, and each holds {each} {things}.",
        f"{who.name} fills {boxes} {filled} with {each} {things} each.",
        f"each {box} holds {each} {things}, and {who.name} has {boxes} {filled}.",
        f"{who.name} packs {each} {things} into each of {boxes} {filled}.",
    )
    p.step(f"{boxes} * {each}", boxes * each, f"the {filled} hold {{}} {things}.")
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
    rng, who, (_, things) = p.rng, person(p.rng), p.noun(p.rng)
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
    rng, (a, b), (_, things) = p.rng, two_people(p.rng), p.noun(p.rng)
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


def short(p: Problem) -> None:
    """One or two plain sentences and one operation."""
    rng, who, (_, things) = p.rng, person(p.rng), p.noun(p.rng)
    box = rng.choice(("box", "bag", "crate", "jar", "basket", "packet"))
    filled = plural(box)
    a, b = rng.randint(2, 12), rng.randint(2, 15)
    kind = rng.randrange(8)
    if kind == 0:
        p.say(
            f"if a {box} holds {b} {things}, how many {things} are in {a} {filled}?",
            f"a {box} holds {b} {things}. how many are in {a} {filled}?",
        )
        p.step(f"{a} * {b}", a * b, f"the {filled} hold {{}} {things}.")
    elif kind == 1:
        vehicle = rng.choice(("train", "car", "bus", "ship", "cyclist", "plane", "truck"))
        unit, speed = rng.choice(("miles", "kilometres")), rng.choice((b, b * 5, b * 10))
        p.say(
            f"a {vehicle} travels {speed} {unit} per hour for {a} hours. how far does it travel?",
            f"a {vehicle} goes {speed} {unit} an hour. how many {unit} does it go in {a} hours?",
        )
        p.step(f"{a} * {speed}", a * speed, f"the {vehicle} travels {{}} {unit}.")
    elif kind == 2:
        total = rng.randint(5, 60)
        part = rng.randint(1, total - 1)
        group, one, rest = rng.choice(
            (
                ("students in a class", "girls", "boys"),
                ("people on a bus", "children", "adults"),
                ("animals on a farm", "cows", "sheep"),
                ("flowers in a vase", "roses", "tulips"),
                ("birds in a tree", "crows", "sparrows"),
            )
        )
        p.say(
            f"there are {total} {group}. {part} are {one} and the rest are {rest}. how many {rest} are there?",
            f"there are {total} {group}. {part} are {one}. how many {rest} are there?",
        )
        p.step(f"{total} - {part}", total - part, f"there are {{}} {rest}.")
    elif kind == 3:
        sign, word = rng.choice((("+", "plus"), ("-", "minus"), ("*", "times")))
        x, y = (a, b) if sign == "*" else sorted((rng.randint(1, 99), rng.randint(1, 99)), reverse=True)
        p.say(f"what is {x} {word} {y}?", f"what is {x} {sign} {y}?", f"how much is {x} {word} {y}?")
        p.step(f"{x} {sign} {y}", {"+": x + y, "-": x - y, "*": x * y}[sign], "this is {}.")
    elif kind == 4:
        relative, factor = (
            rng.choice(("brother", "sister", "mother", "father", "cousin")),
            rng.choice(((2, "twice"), (3, "three times"))),
        )
        p.say(
            f"{who.name} is {b} years old. {who.their} {relative} is {factor[1]} as old. how old is {who.their} {relative}?"
        )
        p.step(f"{b} * {factor[0]}", b * factor[0], f"the {relative} is {{}} years old.")
    elif kind == 5:
        p.say(
            f"{who.name} shares {a * b} {things} equally among {a} friends. how many does each friend get?",
            f"{a} friends share {a * b} {things}. how many {things} does each get?",
        )
        p.step(f"{a * b} / {a}", b, f"each gets {{}} {things}.")
    elif kind == 6:
        days = rng.randint(2, 7)
        p.say(
            f"{who.name} runs {b} {rng.choice(('miles', 'kilometres'))} {days} times a week. how far does {who.they} run in a week?",
            f"{who.name} uses {b} {things} every day. how many {things} does {who.they} use in {days} days?",
        )
        p.step(f"{days} * {b}", days * b, "that makes {}.")
    else:
        other = person(rng).name
        p.say(
            f"{who.name} has {a} {things} and {other} has {b}. how many do they have together?",
            f"{who.name} picks {a} {things} and {other} picks {b} {things}. how many {things} are there?",
        )
        p.step(f"{a} + {b}", a + b, f"together they have {{}} {things}.")


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
    *(chain, chain, chain, joined, joined, short, short, short, short),
    *(shopping, shopping, bill, packing, packing, sharing, comparing, comparing, rate, seats, ages),
)


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"question": …}` and the solution."""
    problem = Problem(rng, noun=open_thing)
    rng.choice(FAMILIES)(problem)
    return problem.finished()
