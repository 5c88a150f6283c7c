# ruff: noqa: E501 (a template is one line)
"""One plain sentence or two, and one operation."""

from __future__ import annotations

from training.synthetic.gsm8k.problem import Problem, person, plural


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
