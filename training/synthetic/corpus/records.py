"""Machine-readable scraps (JSON, settings, calls, tables) in shapes that no task uses."""

from __future__ import annotations

import json
import random

from training.synthetic.entities import city, company, full_name
from training.synthetic.gsm8k.problem import thing
from training.synthetic.lexicon import invented_name, words

_DRAW = {
    "owner": full_name,
    "town": city,
    "maker": company,
    "colour": lambda rng: rng.choice(("red", "green", "blue", "white", "black", "yellow")),
    "year": lambda rng: rng.randint(1950, 2024),
    "count": lambda rng: rng.randint(1, 300),
    "open": lambda rng: rng.random() < 0.5,
    "tags": lambda rng: [thing(rng)[1] for _ in range(rng.randint(0, 4))],
    "staff": lambda rng: [full_name(rng) for _ in range(rng.randint(0, 3))],
    "towns": lambda rng: [city(rng) for _ in range(rng.randint(0, 3))],
    "month": lambda rng: rng.choice(words("news")["months"]),
}


def _record(rng: random.Random) -> dict[str, object]:
    return {key: _DRAW[key](rng) for key in rng.sample(sorted(_DRAW), rng.randint(2, 6))}


def _value(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def document(rng: random.Random) -> str:
    style, record = rng.random(), _record(rng)
    if style < 0.35:
        return json.dumps(record, ensure_ascii=False)
    if style < 0.5:
        return json.dumps(record, ensure_ascii=False, indent=2)
    if style < 0.65:
        return "\n".join(f"{key} = {_value(value)}" for key, value in record.items())
    if style < 0.85:
        parts = ", ".join(f"{key}[{_value(value)}]" for key, value in record.items())
        return f"{invented_name(rng).lower()}({parts})"
    columns = sorted(record)
    rows = [columns, *([_value(_DRAW[key](rng)) for key in columns] for _ in range(rng.randint(2, 4)))]
    return "\n".join(" | ".join(row) for row in rows)
