"""A problem in words and its solution."""

from __future__ import annotations

import random

from training.synthetic.grammar import sentence
from training.synthetic.lexicon import invented_word, words
from training.synthetic.magicoder.families import FAMILIES, Task

_CODE = words("code")


def function_name(rng: random.Random) -> str:
    """`verb_noun`, with an invented word in one of two."""
    verb, noun = rng.choice(_CODE["verbs"]), rng.choice(_CODE["nouns"])
    kind = rng.random()
    if kind < 0.25:
        return f"{verb}_{invented_word(rng)}"
    if kind < 0.5:
        return f"{invented_word(rng)}_{noun}"
    return f"{verb}_{noun}"


def statement(rng: random.Random, name: str, task: Task) -> str:
    """The problem in one of several forms; one of them is HumanEval's, a header with a docstring."""
    form = rng.random()
    if form < 0.2:
        return f'def {name}({task.parameters}):\n    """{sentence(f"return {task.returned}")}."""'
    if form < 0.5:
        return f"Write a function {name} that takes {task.given} and returns {task.returned}."
    if form < 0.7:
        return f"Given {task.given}, return {task.returned}. Call the function {name}."
    if form < 0.85:
        return f"Define {name}({task.parameters}), which gets {task.given}. It returns {task.returned}."
    return (
        f"Implement a Python function named {name}. Its input is {task.given}, its result is {task.returned}."
    )


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"problem": …, "lang": "python"}` and the function."""
    name, task = function_name(rng), rng.choice(FAMILIES)(rng)
    solution = "\n".join([f"def {name}({task.parameters}):", *(f"    {line}" for line in task.body)])
    return {"problem": statement(rng, name, task), "lang": "python"}, solution
