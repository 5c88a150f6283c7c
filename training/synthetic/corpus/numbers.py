"""Sums: stories in which every event is followed by its equation, drills, receipts and tables."""

from __future__ import annotations

import random

from training.synthetic import gsm8k
from training.synthetic.entities import full_name
from training.synthetic.grammar import sentence
from training.synthetic.gsm8k.problem import Problem, person, thing
from training.synthetic.lexicon import words

STORIES = (
    *(gsm8k.chain, gsm8k.chain, gsm8k.chain, gsm8k.shopping, gsm8k.shopping, gsm8k.packing, gsm8k.packing),
    *(gsm8k.sharing, gsm8k.comparing, gsm8k.comparing, gsm8k.rate, gsm8k.seats, gsm8k.ages),
)
_WHEN = ("Then", "Later", "At noon", "In the evening")
_WORDS = {"+": ("plus", "and"), "-": ("minus", "less"), "*": ("times", "by"), "/": ("divided by", "over")}


def sum_of(rng: random.Random) -> tuple[int, str, int, int]:
    """Two numbers, the sign between them, and the result."""
    sign = rng.choice("++--**/")
    if sign == "+":
        a, b = rng.randint(1, 199), rng.randint(1, 99)
        return a, sign, b, a + b
    if sign == "-":
        a = rng.randint(2, 240)
        b = rng.randint(1, a)
        return a, sign, b, a - b
    a, b = rng.randint(2, 15), rng.randint(2, 15)
    if sign == "/":
        return a * b, sign, b, a
    if rng.random() < 0.15:
        a, b = a * 5, rng.choice((2, 3, 4))
    return a, sign, b, a * b


def equation(rng: random.Random) -> str:
    a, sign, b, result = sum_of(rng)
    return f"{a} {sign} {b} = {result}"


def drill(rng: random.Random) -> str:
    style = rng.random()
    lines = []
    for _ in range(rng.randint(4, 12)):
        a, sign, b, result = sum_of(rng)
        if style < 0.75:
            lines.append(f"{a} {sign} {b} = {result}")
        else:
            lines.append(f"{a} {rng.choice(_WORDS[sign])} {b} is {result}.")
    return ("\n" if style < 0.6 else ", " if style < 0.75 else " ").join(lines)


def running(rng: random.Random) -> str:
    """One number changed again and again."""
    _, things = thing(rng)
    value = rng.randint(5, 80)
    lines = [f"The {rng.choice(words('things')['shops'])} had {value} {things}."]
    for _ in range(rng.randint(2, 5)):
        if rng.random() < 0.5 or value < 8:
            change = rng.randint(2, 60)
            lines.append(f"{rng.choice(_WHEN)} {change} more came: {value} + {change} = {value + change}.")
            value += change
        else:
            change = rng.randint(1, value - 1)
            lines.append(f"{rng.choice(_WHEN)} {change} went: {value} - {change} = {value - change}.")
            value -= change
    return " ".join(lines)


def story(rng: random.Random) -> str:
    """What happens in a word problem, told with its sums and without asking anything."""
    problem = Problem(rng)
    rng.choice(STORIES)(problem)
    told = [part for part in " ".join(problem.text).replace("?", "?.").split(". ") if "?" not in part]
    text = " ".join(f"{sentence(part.rstrip('.'))}." for part in told)
    return (
        f"{text} {rng.choice(('So', 'This means that', 'In numbers,', 'We see that'))} "
        + ", and then ".join(step.rstrip(".") for step in problem.steps)
        + "."
    )


def receipt(rng: random.Random) -> str:
    lines, total = [rng.choice(("Receipt", "Bill", "Order list"))], 0
    for _ in range(rng.randint(2, 4)):
        count, price = rng.randint(1, 12), rng.randint(2, 12)
        lines.append(f"{count} {thing(rng)[1]}: {count} * {price} = {count * price} dollars")
        total += count * price
    return "\n".join(lines) + f"\nSum: {total} dollars"


def table(rng: random.Random) -> str:
    factor = rng.randint(2, 15)
    return "\n".join(f"{n} * {factor} = {n * factor}" for n in range(1, rng.randint(8, 15)))


def portrait(rng: random.Random) -> str:
    who, (_, things) = person(rng), thing(rng)
    return (
        f"{full_name(rng)} asked {who.name} to count the {things}. {sentence(who.they)} counted them twice. "
        f"{sentence(who.they)} wrote {equation(rng)} and {equation(rng)} on the board, and then went home."
    )


KINDS = (drill, drill, drill, running, running, story, story, story, receipt, table, portrait)


def document(rng: random.Random) -> str:
    return rng.choice(KINDS)(rng)
