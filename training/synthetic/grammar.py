"""A small text grammar: templates with choices and named rules, expanded by a seeded random source.

`{name}` draws from the rule of that name, `[one|other]` picks one of the alternatives (which may be empty and
may nest). Rules are templates themselves, or functions of the random source.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

Rule = Sequence[str] | Callable[[random.Random], str]
Node = str | tuple[str, object]

_ARTICLE = re.compile(r"\b([Aa]) (?=[aeioAEIO8]|1[18](?!\d)|[uU](?!ni|se|ti))(?![Oo]ne\b|[Ee]u)")


class Grammar:
    def __init__(self, rules: Mapping[str, Rule]):
        self.rules = dict(rules)

    def extend(self, rules: Mapping[str, Rule]) -> Grammar:
        """A grammar with these rules added; on equal names they win."""
        return Grammar({**self.rules, **rules})

    def expand(self, rng: random.Random, template: str) -> str:
        """One text of the template, with `a` made `an` where the next word asks for it."""
        out: list[str] = []
        self._emit(rng, _parse(template), out)
        return with_articles("".join(out))

    def draw(self, rng: random.Random, rule: str) -> str:
        return self.expand(rng, f"{{{rule}}}")

    def _emit(self, rng: random.Random, nodes: Sequence[Node], out: list[str]) -> None:
        for node in nodes:
            if isinstance(node, str):
                out.append(node)
            elif node[0] == "rule":
                rule = self.rules[node[1]]
                if callable(rule):
                    out.append(rule(rng))
                else:
                    self._emit(rng, _parse(rule[int(rng.random() * len(rule))]), out)
            else:
                self._emit(rng, node[1][int(rng.random() * len(node[1]))], out)


@cache
def _parse(template: str) -> tuple[Node, ...]:
    try:
        return _parse_until(template, 0, "")[0]
    except (IndexError, ValueError):
        raise ValueError(f"A bracket or brace is never closed in the template {template!r}.") from None


def _parse_until(text: str, at: int, stops: str) -> tuple[tuple[Node, ...], int]:
    nodes: list[Node] = []
    literal = ""
    while at < len(text) and text[at] not in stops:
        if text[at] == "{":
            end = text.index("}", at)
            nodes += [literal, ("rule", text[at + 1 : end])] if literal else [("rule", text[at + 1 : end])]
            literal, at = "", end + 1
        elif text[at] == "[":
            options = []
            at += 1
            while True:
                option, at = _parse_until(text, at, "|]")
                options.append(option)
                at += 1
                if text[at - 1] == "]":
                    break
            nodes += [literal, ("choice", tuple(options))] if literal else [("choice", tuple(options))]
            literal = ""
        else:
            literal += text[at]
            at += 1
    if literal:
        nodes.append(literal)
    return tuple(nodes), at


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def with_articles(text: str) -> str:
    """The text with `a` made `an` before a vowel sound."""
    return _ARTICLE.sub(r"\1n ", text)
