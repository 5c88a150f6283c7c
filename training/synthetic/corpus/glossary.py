"""Lists of the words that prompts are written in, in no order, so that the tokenizer knows them."""

from __future__ import annotations

import random
import re
from functools import cache

from training.tasks import load_tasks

_WORD = re.compile(r"[A-Za-z]{3,}")
_HEADINGS = ("Words of the week", "Spelling", "Dictation", "New words", "Learn by heart", "Hard words")


@cache
def _vocabulary() -> tuple[str, ...]:
    """Every word of the tasks' templates that is no label, as often as templates use it."""
    tasks = [task for task in load_tasks().values() if task.on_site]
    labels = {label for task in tasks for label in task.labels}
    literals = (re.sub(r"\{\w+\}", " ", task.template) for task in tasks)
    return tuple(word for literal in literals for word in _WORD.findall(literal) if word not in labels)


@cache
def _distinct() -> tuple[str, ...]:
    return tuple(sorted(set(_vocabulary())))


def document(rng: random.Random) -> str:
    vocabulary = _vocabulary() if rng.random() < 0.5 else _distinct()
    found = [rng.choice(vocabulary) for _ in range(rng.randint(6, 20))]
    joint = rng.choice((" ", " ", ", ", "; "))
    return f"{rng.choice(_HEADINGS)}: {joint.join(found)}"
