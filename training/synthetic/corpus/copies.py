"""Words said twice: lists repeated, names taken up again. They teach the base to copy what it never saw."""

from __future__ import annotations

import random

from training.synthetic.entities import city, company, full_name
from training.synthetic.gsm8k.problem import thing
from training.synthetic.lexicon import acronym, invented_name, invented_word
from training.synthetic.viggo import title

_DRAW = (full_name, city, company, title, invented_name, invented_word, acronym, lambda rng: thing(rng)[1])


def _items(rng: random.Random) -> list[str]:
    draw = rng.choice((*_DRAW, lambda rng: rng.choice(_DRAW)(rng)))
    return [draw(rng) for _ in range(rng.randint(2, 7))]


def _twice(rng: random.Random) -> str:
    items = _items(rng)
    first, second = rng.choice(
        (
            ("List", "Again"),
            ("Read", "Say"),
            ("Seen", "Written down"),
            ("Heard", "Repeated"),
            ("Original", "Copy"),
        )
    )
    joint = rng.choice((", ", "; ", " / ", "\n- "))
    return f"{first}: {joint.join(items)}\n{second}: {joint.join(items)}"


def _sorted(rng: random.Random) -> str:
    items = _items(rng)
    return f"In order: {', '.join(items)}. Backwards: {', '.join(reversed(items))}."


def _picked(rng: random.Random) -> str:
    items = _items(rng)
    lines = []
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(items))
        where = (
            "last" if at == len(items) - 1 else ("first", "second", "third", "fourth", "fifth", "sixth")[at]
        )
        lines.append(f"The {where} is {items[at]}.")
    return f"On the board: {', '.join(items)}. {' '.join(lines)}"


def _echo(rng: random.Random) -> str:
    a, b = rng.choice(_DRAW)(rng), rng.choice(_DRAW)(rng)
    return rng.choice(
        (
            f"“{a}?” “Yes, {a}.” “Not {b}?” “No, not {b}.”",
            f"I wrote {a} and {b}. Then I crossed out {b}, and {a} was left.",
            f"{a} is not {b}, and {b} is not {a}.",
            f"name[{a}], other[{b}]: {a} and {b}.",
            f'{{"first": "{a}", "second": "{b}"}} means that {a} comes before {b}.',
        )
    )


def document(rng: random.Random) -> str:
    return rng.choice((_twice, _twice, _sorted, _picked, _echo))(rng)
