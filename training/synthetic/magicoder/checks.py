"""Unit tests for a solution: what it returns for inputs that try its limits."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from typing import Any

from training.synthetic.lexicon import words

_COUNT = 10


def checks(solution: str) -> str:
    """A program of `assert` lines that the solution passes, the same for the same solution.

    The inputs follow from the names of the parameters and from the constants of the code. The solution is
    run to learn its results, so it must be text that this package wrote.
    """
    function = ast.parse(solution).body[0]
    assert isinstance(function, ast.FunctionDef)  # noqa: S101 (the solutions are our own)
    parameters = [each.arg for each in function.args.args]
    constants = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
    numbers = [value for value in constants if type(value) is int]
    letters = [value for value in constants if isinstance(value, str) and len(value) == 1]
    rng = random.Random(solution)
    scope: dict[str, Any] = {}
    exec(solution, scope)  # noqa: S102
    lines = []
    for at in range(_COUNT):
        arguments = [_DRAW[name](rng, numbers, letters, at) for name in parameters]
        result = scope[function.name](*arguments)
        lines.append(f"assert {function.name}({', '.join(map(repr, arguments))}) == {result!r}")
    return "\n".join(lines)


def _number(rng: random.Random, numbers: list[int], letters: list[str], at: int) -> int:
    """Often next to a constant of the code, where a wrong comparison shows."""
    if numbers and at < 6:
        return rng.choice(numbers) + rng.choice((-1, 0, 1))
    return rng.randint(-40, 60)


def _numbers(rng: random.Random, numbers: list[int], letters: list[str], at: int) -> list[int]:
    size = 0 if at == _COUNT - 1 else rng.randint(2, 7)
    return [_number(rng, numbers, letters, rng.randrange(_COUNT)) for _ in range(size)]


def _word(rng: random.Random, letters: list[str]) -> str:
    word = rng.choice(_WORDS)
    if rng.random() < 0.15:
        word += word[-2::-1]
    if letters and letters[0].isalpha() and rng.random() < 0.4:
        letter = rng.choice(letters)
        word = rng.choice((letter + word, word + letter, word[:2] + letter + word[2:]))
    return word


def _words(rng: random.Random, numbers: list[int], letters: list[str], at: int) -> list[str]:
    found = [_word(rng, letters) for _ in range(0 if at == _COUNT - 1 else rng.randint(2, 6))]
    if not numbers:
        return found
    lengths = (max(1, rng.choice(numbers) + rng.choice((-1, 0, 1))) for _ in found)
    return [
        word[:length] if rng.random() < 0.3 else word for word, length in zip(found, lengths, strict=False)
    ]


def _text(rng: random.Random, numbers: list[int], letters: list[str], at: int) -> str:
    return " ".join(_word(rng, letters) for _ in range(rng.randint(1, 10)))


def _prices(rng: random.Random, numbers: list[int], letters: list[str], at: int) -> dict[str, int]:
    names = rng.sample(_WORDS, 5)
    return dict(zip(names, _numbers(rng, numbers, letters, at), strict=False))


_WORDS = tuple(word for word in words("things")["animals"] + words("code")["labels"] if word.isalpha())
_DRAW: dict[str, Callable[[random.Random, list[int], list[str], int], Any]] = {
    "n": _number,
    "a": _number,
    "b": _number,
    "numbers": _numbers,
    "words": _words,
    "text": _text,
    "prices": _prices,
}
