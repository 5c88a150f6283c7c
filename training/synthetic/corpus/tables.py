"""Tables and their columns in prose, rows looked up, and queries in a dialect that no task uses."""

from __future__ import annotations

import random

from training.synthetic.grammar import sentence
from training.synthetic.lexicon import words
from training.synthetic.wikisql import DOMAINS, Column


def _columns(rng: random.Random) -> list[Column]:
    domain = rng.choice(DOMAINS)
    return rng.sample(domain, rng.randint(2, min(5, len(domain))))


def _rows(rng: random.Random) -> str:
    """A small table, and one of its rows in words."""
    columns = _columns(rng)
    rows = [[each.draw(rng) for each in columns] for _ in range(rng.randint(1, 4))]
    joint = rng.choice((" | ", ", ", "\t"))
    lines = [joint.join(each.name for each in columns), *(joint.join(row) for row in rows)]
    row, (a, b) = rng.choice(rows), rng.sample(range(len(columns)), 2)
    lines.append(f"The {columns[a].nouns[-1]} where the {columns[b].nouns[0]} is {row[b]} is {row[a]}.")
    return "\n".join(lines)


def _meanings(rng: random.Random) -> str:
    columns = _columns(rng)
    listed = ", ".join(each.name for each in columns)
    lines = [f"The columns are {listed}."]
    for each in rng.sample(columns, 2):
        noun = rng.choice(each.nouns)
        kind = "a number" if each.number else "text"
        lines.append(f"For the {noun}, look at {each.name}; it holds {kind} such as {each.draw(rng)}.")
    return " ".join(lines)


def _query(rng: random.Random) -> str:
    """A query over several lines, with a comment that says what it looks for."""
    target, *conditions = _columns(rng)[:3]
    source = rng.choice(words("code")["nouns"])
    clauses, said = [], []
    for each in conditions:
        value, sign = each.draw(rng), rng.choice("=><") if each.number else "="
        clauses.append(f"{each.name} {sign} {value}" if each.number else f"{each.name} = '{value}'")
        meaning = {"=": "is", ">": "is more than", "<": "is less than"}[sign]
        said.append(f"the {rng.choice(each.nouns)} {meaning} {value}")
    wanted = target.name
    if rng.random() < 0.4:
        wanted = (
            f"{rng.choice(('COUNT', 'MAX', 'MIN', 'AVG', 'SUM') if target.number else ('COUNT',))}({wanted})"
        )
    comment = sentence(f"{rng.choice(target.nouns)} where {' and '.join(said)}")
    return f"-- {comment}\nSELECT {wanted}\nFROM {source}\nWHERE " + "\nAND ".join(clauses) + ";"


def document(rng: random.Random) -> str:
    return rng.choice((_rows, _meanings, _query, _query))(rng)
