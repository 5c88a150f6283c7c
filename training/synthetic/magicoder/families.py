# ruff: noqa: E501 (a template is one line)
"""Kinds of problems. Each gives the parameters, what is given, what is to be returned, and the function's body."""

from __future__ import annotations

import random
from dataclasses import dataclass

from training.synthetic.lexicon import words
from training.synthetic.magicoder.parts import LETTERS, NUMBERS, WORDS, Items, number_condition

_LABELS = words("code")["labels"]


@dataclass(frozen=True)
class Task:
    """`given` and `returned` are the words of the problem, `body` the lines of the function, not indented."""

    parameters: str
    given: str
    returned: str
    body: tuple[str, ...]


def _returning(parameters: str, given: str, returned: str, expression: str) -> Task:
    return Task(parameters, given, returned, (f"return {expression}",))


def _items(rng: random.Random) -> Items:
    return rng.choice((NUMBERS, NUMBERS, WORDS))


def chosen(rng: random.Random) -> Task:
    """A list made of the items that fulfil a condition."""
    items = _items(rng)
    value, condition = items.value(rng), items.condition(rng)
    made = f"{value.code} for {items.one} in {items.parameter}"
    said = f"{value.words}the {items.parameter}"
    if rng.random() < 0.75:
        made += f" if {condition.code}"
        said += f" that {condition.words}"
    order = rng.random()
    if order < 0.15:
        return _returning(items.parameter, items.given, f"the sorted list of {said}", f"sorted({made})")
    if order < 0.25:
        return _returning(
            items.parameter,
            items.given,
            f"the list of {said} in descending order",
            f"sorted([{made}], reverse=True)",
        )
    return _returning(items.parameter, items.given, f"the list of {said}", f"[{made}]")


def counted(rng: random.Random) -> Task:
    items = _items(rng)
    condition = items.condition(rng)
    return _returning(
        items.parameter,
        items.given,
        rng.choice(
            (
                f"how many of the {items.parameter} {condition.words}",
                f"the number of {items.parameter} that {condition.words}",
            )
        ),
        f"len([{items.one} for {items.one} in {items.parameter} if {condition.code}])",
    )


def summed(rng: random.Random) -> Task:
    value, condition = NUMBERS.value(rng), NUMBERS.condition(rng)
    made = f"{value.code} for n in numbers if {condition.code}"
    said = f"{value.words}the numbers that {condition.words}"
    if rng.random() < 0.6:
        return _returning("numbers", NUMBERS.given, f"the sum of {said}", f"sum({made})")
    end, word = rng.choice((("max", "largest"), ("min", "smallest")))
    return _returning(
        "numbers",
        NUMBERS.given,
        f"the {word} of {said}, or 0 if there is none",
        f"{end}([{made}], default=0)",
    )


def judged(rng: random.Random) -> Task:
    items = _items(rng)
    condition = items.condition(rng)
    quantifier = rng.choice(("all", "any"))
    return _returning(
        items.parameter,
        items.given,
        f"whether {quantifier} of the {items.parameter} {condition.words}",
        f"{quantifier}({condition.code} for {items.one} in {items.parameter})",
    )


def joined(rng: random.Random) -> Task:
    value, condition = WORDS.value(rng), WORDS.condition(rng)
    joint = rng.choice((", ", "-", "; ", " ", "/", "_", "+"))
    made, said = f"{value.code} for w in words", f"{value.words}the words"
    if rng.random() < 0.6:
        made += f" if {condition.code}"
        said += f" that {condition.words}"
    return _returning("words", WORDS.given, f'{said}, joined by "{joint}"', f'"{joint}".join({made})')


def text(rng: random.Random) -> Task:
    a, b = rng.sample(LETTERS, 2)
    k = rng.randint(2, 9)
    said, code = rng.choice(
        (
            (f'how often "{a}" occurs in the text', f'text.count("{a}")'),
            (f'the text with every "{a}" replaced by "{b}"', f'text.replace("{a}", "{b}")'),
            (f'the text without the letter "{a}"', f'text.replace("{a}", "")'),
            (f"the first {k} characters of the text", f"text[:{k}]"),
            (f"the last {k} characters of the text", f"text[-{k}:]"),
            (f"the text without its first {k} characters", f"text[{k}:]"),
            (f"the text repeated {k} times", f"text * {k}"),
            (f'the part before the first "{a}"', f'text.split("{a}")[0]'),
            (f"the text in capital letters, cut after {k} characters", f"text.upper()[:{k}]"),
            (
                f"every {k}th character of the text, from the first on"
                if k > 3
                else "every second character of the text, from the first on",
                f"text[::{k if k > 3 else 2}]",
            ),
            (f"whether the text has more than {k} words", f"len(text.split()) > {k}"),
            ("the text backwards", "text[::-1]"),
            ("the number of words in the text", "len(text.split())"),
            ("the sorted list of the words in the text", "sorted(text.split())"),
            (
                f'the number of words in the text that start with "{a}"',
                f'len([w for w in text.split() if w.startswith("{a}")])',
            ),
            (
                f'the list of the words in the text that contain "{a}"',
                f'[w for w in text.split() if "{a}" in w]',
            ),
        )
    )
    return _returning("text", "a text", said, code)


def labelled(rng: random.Random) -> Task:
    """One label or another for a number, with one or two limits."""
    first, second, third = rng.sample(_LABELS, 3)
    if rng.random() < 0.6:
        condition = number_condition(rng)
        return Task(
            "n",
            "a number",
            f'"{first}" if the number {condition.words.replace("are", "is", 1)}, and "{second}" otherwise',
            (f"if {condition.code}:", f'    return "{first}"', f'return "{second}"'),
        )
    low = rng.randint(1, 30)
    high = low + rng.randint(2, 30)
    return Task(
        "n",
        "a number",
        f'"{first}" if the number is less than {low}, "{second}" if it is less than {high}, and "{third}" otherwise',
        (
            f"if n < {low}:",
            f'    return "{first}"',
            f"if n < {high}:",
            f'    return "{second}"',
            f'return "{third}"',
        ),
    )


def calculated(rng: random.Random) -> Task:
    """Arithmetic with two numbers."""
    said, code = rng.choice(
        (
            ("sum", "(a + b)"),
            ("difference", "(a - b)"),
            ("product", "(a * b)"),
            ("larger", "max(a, b)"),
            ("smaller", "min(a, b)"),
            ("absolute difference", "abs(a - b)"),
        )
    )
    k = rng.randint(2, 40)
    more, tail = rng.choice(
        (
            (f", times {k}", f" * {k}"),
            (f", plus {k}", f" + {k}"),
            (f", minus {k}", f" - {k}"),
            (f", modulo {k}", f" % {k}"),
            (f", divided by {k} and rounded down", f" // {k}"),
        )
    )
    return _returning("a, b", "two numbers", f"the {said} of the two numbers{more}", code + tail)


def looped(rng: random.Random) -> Task:
    """A walk through the list that keeps something or ends early."""
    items = _items(rng)
    one, many, condition = items.one, items.parameter, items.condition(rng)
    singular = many.removesuffix("s")
    holds = _singular(condition.words)
    kind = rng.randrange(4)
    if kind == 0:
        return Task(
            many,
            items.given,
            f"the first {singular} that {holds}, or None if there is none",
            (f"for {one} in {many}:", f"    if {condition.code}:", f"        return {one}", "return None"),
        )
    if kind == 1:
        return Task(
            many,
            items.given,
            f"the position of the first {singular} that {holds}, or -1 if there is none",
            (
                f"for i, {one} in enumerate({many}):",
                f"    if {condition.code}:",
                "        return i",
                "return -1",
            ),
        )
    if kind == 2:
        return Task(
            many,
            items.given,
            f"the list of the {many} before the first one that {holds}",
            (
                "result = []",
                f"for {one} in {many}:",
                f"    if {condition.code}:",
                "        break",
                f"    result.append({one})",
                "return result",
            ),
        )
    start, k = rng.randint(0, 20), rng.randint(2, 9)
    said, code = rng.choice(
        (("running totals", "total += n"), (f"running totals of {k} times the numbers", f"total += n * {k}"))
    )
    return Task(
        "numbers",
        NUMBERS.given,
        f"the list of the {said}, starting from {start}",
        (
            f"total = {start}",
            "result = []",
            "for n in numbers:",
            f"    {code}",
            "    result.append(total)",
            "return result",
        ),
    )


def _singular(condition: str) -> str:
    """`are even` as `is even`, `do not start` as `does not start`, `start` as `starts`."""
    verb, rest = condition.split(" ", 1)
    return f"{ {'are': 'is', 'do': 'does', 'have': 'has'}.get(verb, verb + 's') } {rest}"


def priced(rng: random.Random) -> Task:
    """A dictionary of names and prices."""
    condition = number_condition(rng)
    code = condition.code.replace("n ", "price ").replace("<= n", "<= price")
    said, expression = rng.choice(
        (
            (
                f"the list of the names whose prices {condition.words}",
                f"[name for name, price in prices.items() if {code}]",
            ),
            (
                f"the sum of the prices that {condition.words}",
                f"sum(price for price in prices.values() if {code})",
            ),
            (
                f"how many of the prices {condition.words}",
                f"len([price for price in prices.values() if {code}])",
            ),
            (
                f"a dictionary of the names whose prices {condition.words}",
                f"{{name: price for name, price in prices.items() if {code}}}",
            ),
        )
    )
    return _returning("prices", "a dictionary of names and prices", said, expression)


FAMILIES = (chosen, chosen, chosen, counted, summed, summed, judged, joined, text, text, labelled, labelled, calculated, looped, looped, priced)  # fmt: skip
