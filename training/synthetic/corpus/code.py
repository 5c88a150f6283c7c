"""Python without whole functions: expressions at the prompt, their results, and what they mean in words."""

from __future__ import annotations

import random

from training.synthetic.grammar import sentence
from training.synthetic.lexicon import words
from training.synthetic.magicoder.parts import NUMBERS, WORDS, Items
from training.synthetic.magicoder.problem import function_name

_ANIMALS = words("things")["animals"]
_CODE = words("code")


def _literal(rng: random.Random, items: Items) -> list[int] | list[str]:
    if items is NUMBERS:
        return [rng.randint(-30, 60) for _ in range(rng.randint(1, 5))]
    return [rng.choice(_ANIMALS) for _ in range(rng.randint(1, 4))]


def _prompt(rng: random.Random) -> str:
    """A session at the Python prompt; the results are what Python says."""
    items = rng.choice((NUMBERS, NUMBERS, WORDS))
    given, lines = _literal(rng, items), []
    name = rng.choice(_CODE["nouns"])
    lines.append(f">>> {name} = {given!r}")
    for _ in range(rng.randint(1, 4)):
        value, condition = items.value(rng).code, items.condition(rng).code
        loop = f"for {items.one} in {name}"
        expression = rng.choice(
            (
                f"[{value} {loop}]",
                f"[{value} {loop} if {condition}]",
                f"len([{items.one} {loop} if {condition}])",
                f"{rng.choice(('any', 'all'))}({condition} {loop})",
                f"sorted({value} {loop})",
                f"sum(n {loop} if {condition})" if items is NUMBERS else f'", ".join({value} {loop})',
            )
        )
        result = eval(expression, {name: given})  # noqa: S307 (our own expression)
        lines += [f">>> {expression}", repr(result)]
    return "\n".join(lines)


def _in_words(rng: random.Random) -> str:
    """What conditions and values are called in English."""
    lines = []
    for _ in range(rng.randint(2, 5)):
        items = rng.choice((NUMBERS, WORDS))
        if rng.random() < 0.5:
            part = items.condition(rng)
            lines.append(f"`{part.code}` picks the {items.parameter} that {part.words}.")
        else:
            part = items.value(rng)
            lines.append(f"`{part.code}` stands for {part.words or 'each of '}the {items.parameter}.")
    return "\n".join(lines)


def _commented(rng: random.Random) -> str:
    """Assignments and loops below a comment, as in a script."""
    items = rng.choice((NUMBERS, WORDS))
    value, condition = items.value(rng), items.condition(rng)
    name, one, many = rng.choice(_CODE["nouns"]), items.one, items.parameter
    said = f"{value.words}the {many} that {condition.words}"
    kind = rng.random()
    if kind < 0.5:
        return f"# {sentence(said)}\n{name} = [{value.code} for {one} in {many} if {condition.code}]"
    body = f"    if {condition.code}:\n        {name}.append({value.code})"
    if kind < 0.8:
        return f"# Collect {said}\n{name} = []\nfor {one} in {many}:\n{body}\nprint({name})"
    return f"for i, {one} in enumerate({many}):\n    if {condition.code}:\n        print(i)\n        break"


def _class(rng: random.Random) -> str:
    """Methods with types, which no task asks for."""
    kind = rng.choice(_CODE["nouns"]).capitalize()
    lines = [f"class {kind}:"]
    for _ in range(rng.randint(1, 3)):
        low, label, other = rng.randint(1, 30), *rng.sample(_CODE["labels"], 2)
        sign = rng.choice(("<", ">", "<=", ">=", "==", "!="))
        lines.append(
            f"    def {function_name(rng)}(self, value: int) -> str:\n"
            f"        if value {sign} {low}:\n"
            f'            return "{label}"\n'
            f'        return "{other}"'
        )
    return "\n\n".join(lines)


def _names(rng: random.Random) -> str:
    names = [function_name(rng) for _ in range(rng.randint(2, 5))]
    asked = rng.choice(names)
    return f"The module has the functions {', '.join(names)}. We call {asked} first:\n\n    x = {asked}(x)"


def document(rng: random.Random) -> str:
    return rng.choice((_prompt, _prompt, _in_words, _commented, _commented, _class, _names))(rng)
