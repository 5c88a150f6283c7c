"""The parts that problems are put together from: each has its words and its code."""

from __future__ import annotations

import random
from dataclasses import dataclass

LETTERS = "abcdefghiklmnoprstuw"


@dataclass(frozen=True)
class Part:
    """A condition ("are even", `n % 2 == 0`) or a value ("the squares of", `n ** 2`)."""

    words: str
    code: str


def number_condition(rng: random.Random) -> Part:
    """A condition on `n`, in words that follow `that`."""
    k, more = rng.randint(1, 30), rng.randint(1, 20)
    divisor = rng.randint(3, 12)
    return rng.choice(
        (
            Part("are even", "n % 2 == 0"),
            Part("are odd", "n % 2 == 1"),
            Part("are positive", "n > 0"),
            Part("are negative", "n < 0"),
            Part(f"are greater than {k}", f"n > {k}"),
            Part(f"are less than {k}", f"n < {k}"),
            Part(f"are at least {k}", f"n >= {k}"),
            Part(f"are at most {k}", f"n <= {k}"),
            Part(f"are not equal to {k}", f"n != {k}"),
            Part(f"are between {k} and {k + more}", f"{k} <= n <= {k + more}"),
            Part(f"are divisible by {divisor}", f"n % {divisor} == 0"),
            Part(f"are not divisible by {divisor}", f"n % {divisor} != 0"),
        )
    )


def number_value(rng: random.Random) -> Part:
    """Something made of each `n`, in words that stand before `the numbers`."""
    k = rng.randint(2, 12)
    return rng.choice(
        (
            Part("the squares of ", "n ** 2"),
            Part("the cubes of ", "n ** 3"),
            Part("the halves, rounded down, of ", "n // 2"),
            Part("the absolute values of ", "abs(n)"),
            Part(f"{k} times ", f"n * {k}"),
            Part(f"{k} plus ", f"n + {k}"),
            Part(f"the remainders after division by {k} of ", f"n % {k}"),
            Part("", "n"),
            Part("", "n"),
            Part("", "n"),
        )
    )


def word_condition(rng: random.Random) -> Part:
    """A condition on `w`, in words that follow `that`."""
    k, letter = rng.randint(2, 8), rng.choice(LETTERS)
    return rng.choice(
        (
            Part(f"are longer than {k} letters", f"len(w) > {k}"),
            Part(f"are shorter than {k} letters", f"len(w) < {k}"),
            Part(f"have exactly {k} letters", f"len(w) == {k}"),
            Part(f'start with "{letter}"', f'w.startswith("{letter}")'),
            Part(f'end with "{letter}"', f'w.endswith("{letter}")'),
            Part(f'do not start with "{letter}"', f'not w.startswith("{letter}")'),
            Part(f'contain "{letter}"', f'"{letter}" in w'),
            Part(f'do not contain "{letter}"', f'"{letter}" not in w'),
            Part("are the same backwards", "w == w[::-1]"),
        )
    )


def word_value(rng: random.Random) -> Part:
    """A text made of each `w`, in words that stand before `the words`."""
    end = rng.choice(("!", "?", "s", ".", "ing", "x"))
    return rng.choice(
        (
            Part("the upper-case forms of ", "w.upper()"),
            Part("the capitalized forms of ", "w.capitalize()"),
            Part("the reversed forms of ", "w[::-1]"),
            Part("the first letters of ", "w[0]"),
            Part("the last letters of ", "w[-1]"),
            Part(f'the forms with "{end}" added of ', f'w + "{end}"'),
            Part("", "w"),
            Part("", "w"),
            Part("", "w"),
        )
    )


@dataclass(frozen=True)
class Items:
    """A list that a function gets: its parameter, the variable of one item, and how items are described."""

    parameter: str
    one: str
    condition: object
    value: object

    @property
    def given(self) -> str:
        return f"a list of {self.parameter}"


NUMBERS = Items("numbers", "n", number_condition, number_value)
WORDS = Items("words", "w", word_condition, word_value)
