"""Unit tests for a solution: what it returns for inputs that try its limits."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.synthetic.lexicon import words

_FEWEST = 10
_WORDS = tuple(word for word in words("things")["animals"] + words("code")["labels"] if word.isalpha())


def checks(solution: str) -> str:
    """A program of `assert` lines that the solution passes, the same for the same solution.

    The inputs follow from the names of the parameters and from the constants of the code. The solution is
    run to learn its results, so it must be text that this package wrote.
    """
    function = ast.parse(solution).body[0]
    assert isinstance(function, ast.FunctionDef)  # noqa: S101 (the solutions are our own)
    inputs = Inputs.of(function)
    scope: dict[str, Any] = {}
    exec(solution, scope)  # noqa: S102
    lines = []
    for at in range(max(_FEWEST, len(inputs.limits) + 2)):
        arguments = [DRAW[each.arg](inputs, at) for each in function.args.args]
        result = scope[function.name](*arguments)
        lines.append(f"assert {function.name}({', '.join(map(repr, arguments))}) == {result!r}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Inputs:
    """Where inputs come from. `limits` are the numbers of the code and their neighbours, between which a
    wrong comparison shows; `letters` are its texts of one letter."""

    rng: random.Random
    limits: list[int]
    letters: list[str]

    @classmethod
    def of(cls, function: ast.FunctionDef) -> Inputs:
        constants = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
        numbers = dict.fromkeys(value for value in constants if type(value) is int)
        return cls(
            random.Random(ast.unparse(function)),
            list(dict.fromkeys(number + shift for number in numbers for shift in (0, -1, 1))),
            [value for value in constants if isinstance(value, str) and len(value) == 1 and value.isalpha()],
        )

    def number(self, at: int) -> int:
        return self.limits[at] if at < len(self.limits) else self.rng.randint(-40, 60)

    def numbers(self, at: int) -> list[int]:
        """All limits in the first list, one in the second, some in the others; one list is empty."""
        if at == 0:
            return self.rng.sample([*self.limits, -3, 17], len(self.limits) + 2)
        if at == 1 and self.limits:
            return self.limits[:1] * 2
        if at == _FEWEST - 1:
            return []
        near = len(self.limits) * 2
        return [self.number(self.rng.randrange(near + 1)) for _ in range(self.rng.randint(2, 7))]

    def word(self) -> str:
        word = self.rng.choice(_WORDS)
        if self.rng.random() < 0.15:
            word += word[-2::-1]  # the same backwards
        if self.letters and self.rng.random() < 0.5:
            letter = self.rng.choice(self.letters)
            word = self.rng.choice((letter + word, word + letter, word[:2] + letter + word[2:]))
        return word

    def words(self, at: int) -> list[str]:
        """Words of every length in `limits` in the first list; one list is empty."""
        if at == 0:
            return [(self.word() * 9)[:length] for length in self.limits if length > 0] + [self.word()]
        return [] if at == _FEWEST - 1 else [self.word() for _ in range(self.rng.randint(2, 6))]

    def text(self, at: int) -> str:
        return " ".join(self.word() for _ in range(at + 1))

    def prices(self, at: int) -> dict[str, int]:
        numbers = self.numbers(at)
        return dict(zip(self.rng.sample(_WORDS, len(numbers)), numbers, strict=True))


DRAW: dict[str, Callable[[Inputs, int], Any]] = {
    "n": Inputs.number,
    "a": Inputs.number,
    "b": lambda inputs, at: inputs.number(inputs.rng.randrange(2 * len(inputs.limits) + 1)),
    "numbers": Inputs.numbers,
    "words": Inputs.words,
    "text": Inputs.text,
    "prices": Inputs.prices,
}
