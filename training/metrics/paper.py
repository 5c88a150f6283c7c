"""The paper's metrics with the leniencies of its repository (predibase/lora_bakeoff, `utils/metric_fns.py`).

Every metric compares one output with one gold answer and gives a number from 0 to 1. Where the repository
names a metric without publishing it (`arc_accuracy`, `winogrande_accuracy`, `covid_accuracy`,
`mmlu_accuracy`), it is the plain accuracy here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

# What means true and false, in the order in which it is looked for.
_FLAGS = (("1", True), ("0", False), ("yes", True), ("no", False), ("true", True), ("false", False))
_FLAGS += (("positive", True), ("negative", False))
_AMOUNT = re.compile(r"-?[$0-9.,]{2,}|-?[0-9]+")
_RATING = re.compile(r"\d{1,3}(?:,\d{3})*(?:\.\d+)?")
CLASSES = (
    "Company",
    "EducationalInstitution",
    "Artist",
    "Athlete",
    "OfficeHolder",
    "MeanOfTransportation",
    "Building",
    "NaturalPlace",
    "Village",
    "Animal",
    "Plant",
    "Album",
    "Film",
    "WrittenWork",
)


@cache
def _rouge_scorer():
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=False)


def rouge(output: str, gold: str) -> float:
    """F-measure of rougeL: the longest common subsequence of lower-case words (Lin, 2004)."""
    return _rouge_scorer().score(gold, output)["rougeL"].fmeasure


def number(text: str) -> float | None:
    """The text as a number, if that is all it is."""
    try:
        return float(text.strip())
    except ValueError:
        return None


def accuracy(output: str, gold: str) -> float:
    """Equality without regard to case, spaces around and full stops, or as numbers ("1.0" is "1")."""
    said, wanted = (text.strip().strip(".").casefold() for text in (output, gold))
    if said == wanted:
        return 1.0
    value = number(said)
    return float(value is not None and value == number(wanted))


def containing(digits: str) -> Callable[[str, str], float]:
    """Plain accuracy, or one of the digits is somewhere in the output and in the gold answer too."""

    def measure(output: str, gold: str) -> float:
        shared = any(digit in output and digit in gold for digit in digits)
        return max(accuracy(output, gold), float(shared))

    return measure


mnli_accuracy = containing("012")
hellaswag_accuracy = containing("0123")
# The labels are 0 and 1; the repository looks for 1 and 2, so that a 0 has to stand alone.
mrpc_accuracy = containing("12")


def customer_support_accuracy(output: str, gold: str) -> float:
    """Plain accuracy, or the label is somewhere in the output."""
    return max(accuracy(output, gold), float(gold.casefold() in output.casefold()))


def _flag(text: str) -> bool | None:
    text = text.lower()
    return next((value for mark, value in _FLAGS if mark in text), None)


def binary_accuracy_flex(output: str, gold: str) -> float:
    """Whether both texts say the same of true and false; an output that says neither is wrong.

    Looks for 1, 0, yes, no, true, false, positive, negative anywhere, inside words too ("another" says no);
    the first in this order counts.
    """
    said = _flag(output)
    return float(said is not None and said == _flag(gold))


def stsb(output: str, gold: str) -> float:
    """1 - |output - gold| / 5. An output that is more than a number says its first one from 0 to 5; one
    without says nothing and is worth 0."""
    said = number(output)
    if said is None:
        found = _RATING.search(output)
        said = float(found[0].replace(",", "")) if found else None
        if said is None or said > 5:
            return 0.0
    return max(0.0, 1 - abs(said - float(gold)) / 5)


def dbpedia(output: str, gold: str) -> float:
    """rougeL on the name of the class; an index is first read as its class."""
    value = number(output)
    if value is not None and value.is_integer() and 0 <= value < len(CLASSES):
        output = CLASSES[int(value)]
    return rouge(output, gold)


def _last_amount(text: str) -> float | None:
    found = _AMOUNT.findall(text)
    return number(found[-1].strip("$.").replace(",", "").replace("$", "")) if found else None


def gsm8k_regex(output: str, gold: str) -> float:
    """Whether the last numbers of both texts are equal; currency signs and thousands commas are ignored."""
    said, wanted = _last_amount(output), _last_amount(gold)
    return float(said is not None and said == wanted)


def agnews_label(output: str, gold: str) -> float:
    """Whether the JSON answers name the same section, however they explain it.

    The task is not among the paper's 31. An output that is not JSON counts by the first `"text_label"` in it.
    """
    said, wanted = _label(output), _label(gold)
    return float(said is not None and wanted is not None and said.casefold() == wanted.casefold())


def _label(text: str) -> str | None:
    found = re.search(r"""["']text_label["']\s*:\s*["']([^"']*)["']""", text)
    return found[1].strip() if found else None
