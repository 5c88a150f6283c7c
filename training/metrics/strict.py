"""The strict reading: an answer is right when it is the answer and nothing else.

What the strict reading costs a model against the paper's says how much of its score was leniency.
"""

from __future__ import annotations

import json
import re

from training.metrics import paper

_FINAL = re.compile(r"####\s*(-?\d[\d,]*(?:\.\d+)?)\s*$")


def exact(output: str, gold: str) -> float:
    """The gold answer to the letter, but for white space around it."""
    return float(output.strip() == gold.strip())


def normalised(output: str, gold: str) -> float:
    """The same words and numbers in the same order; case, punctuation and spacing do not matter."""
    return float(_words(output) == _words(gold) != [])


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def stsb(output: str, gold: str) -> float:
    """1 - |output - gold| / 5 for an output that is a number from 0 to 5 and nothing else; otherwise 0."""
    said = paper.number(output)
    if said is None or not 0 <= said <= 5:
        return 0.0
    return 1 - abs(said - float(gold)) / 5


def gsm8k(output: str, gold: str) -> float:
    """The output ends with `#### ` and the gold number, as the data set's answers do."""
    said, wanted = (_FINAL.search(text.strip()) for text in (output, gold))
    if not said or not wanted:
        return 0.0
    return float(float(said[1].replace(",", "")) == float(wanted[1].replace(",", "")))


def agnews_label(output: str, gold: str) -> float:
    """A JSON object of exactly `text_label` and a non-empty `explanation`, with the gold label."""
    try:
        said, wanted = json.loads(output), json.loads(gold)
    except (ValueError, RecursionError):  # brackets in brackets without end
        return 0.0
    shaped = isinstance(said, dict) and set(said) == {"text_label", "explanation"}
    return float(shaped and said["text_label"] == wanted["text_label"] and bool(said["explanation"]))
