# ruff: noqa: E501 (a template is one line)
"""Sentences of medical abstracts with the tokens of their chemicals and diseases, in the style of BC5CDR.

The answer is written as the task's example writes it: a Python dictionary of the tags B (first token of a mention)
and I (its other tokens), each with the tokens in order of appearance, a token as often as it is tagged.
"""

from __future__ import annotations

import random
import re

from training.synthetic.grammar import Grammar, sentence
from training.synthetic.lexicon import acronym, invented_name, words

_WORDS = words("medicine")
TAGS = ("B-Chemical", "B-Disease", "I-Disease", "I-Chemical")
_MARK = re.compile(r"⟦(\w+):([^⟧]*)⟧")
_LAST_VOWELS = re.compile(r"[aeiouy]+$")


def _stem(rng: random.Random) -> str:
    return _LAST_VOWELS.sub("", invented_name(rng).lower()) or "x"


def chemical(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(_WORDS["chemicals"])
    if kind < 0.6:
        return rng.choice(_WORDS["chemical_pairs"])
    if kind < 0.66:
        return f"{_stem(rng)}ic acid"
    if kind < 0.7:
        return f"{rng.choice('ABCDEKLMRSTUWX')}{rng.choice('ABCDEFGLMNPRSTUVXYZ')}-{rng.randint(10, 9999)}"
    return _stem(rng) + rng.choice(_WORDS["drug_ends"])


def disease(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(_WORDS["diseases"])
    if kind < 0.75:
        return rng.choice(_WORDS["disease_phrases"])
    if kind < 0.83:
        return f"{invented_name(rng)} 's {rng.choice(_WORDS['disease_kinds'])}"
    return _stem(rng) + rng.choice(_WORDS["disease_ends"])


def _mark(kind: str, draw):
    return lambda rng: f"⟦{kind}:{draw(rng)}⟧"


def _abbreviated(rng: random.Random) -> str:
    kind, draw = rng.choice((("Disease", disease), ("Chemical", chemical)))
    return f"⟦{kind}:{draw(rng)}⟧ ( ⟦{kind}:{acronym(rng)}⟧ )"


ABSTRACTS = Grammar(
    {
        "c": _mark("Chemical", chemical),
        "d": _mark("Disease", disease),
        "short": _abbreviated,
        "dose": lambda rng: f"{rng.choice((5, 10, 20, 25, 40, 50, 100, 150, 200))} mg",
        "n": lambda rng: str(rng.randint(2, 98)),
        "who": _WORDS["subjects"],
        "organ": _WORDS["organs"],
        "measure": _WORDS["measures"],
        "setting": _WORDS["settings"],
        "study": _WORDS["studies"],
        "adverb": _WORDS["adverbs"],
        "when": ("after {n} days", "within {n} hours", "on day {n}", "after the first dose", "in the second week", "at night"),
        "drugs": ("{c}", "{c}", "{c} and {c}", "{c} or {c}", "{c} , {c} and {c}"),
        "ills": ("{d}", "{d}", "{d} and {d}", "{d} or {d}", "{d} , {d} and {d}"),
        "line": (
            "{drugs} [reverses|reduced|prevented|did not prevent|worsened|delayed] the {ills} [caused|produced|induced] by {c} .",
            "{c} - induced {d} was [found|seen|observed|reported] in {n} {who} {setting} .",
            "{c} - induced {ills} in {who} : a {study} .",
            "{who} who took {drugs} developed {ills} {when} .",
            "we report a {study} of {ills} [during|after|following] treatment with {drugs} .",
            "the {study} included {n} {who} with {ills} who received {c} ( {dose} ) .",
            "{c} ( {dose} / kg ) [lowered|raised|changed] {measure} in {who} with {d} .",
            "{ills} [is|was] a [known|rare|common|possible|serious] side effect of {drugs} .",
            "{c} was stopped {when} because of {ills} .",
            "no {d} was seen when {c} was given with {c} .",
            "{who} given {dose} of {c} had less {d} than those given {c} .",
            "{d} improved {adverb} after {c} was withdrawn .",
            "the [risk|incidence|severity] of {ills} rose {adverb} with the dose of {c} .",
            "{measure} was [normal|unchanged|lower|higher] in {who} treated with {drugs} .",
            "{short} was [diagnosed|measured|studied] in {n} {who} {setting} .",
            "the effects of {drugs} on {measure} were [studied|compared|examined] in {who} .",
            "{who} with {d} and a history of {d} should not receive {c} .",
            "signs of {d} appeared in the {organ} of {n} {who} {when} .",
            "{n} {who} died of {d} , and {n} recovered after {c} .",
            "treatment of {d} with {c} may cause {ills} .",
            "levels of {c} in the {organ} fell {adverb} {when} .",
            "{c} crosses into the {organ} and may explain the {d} .",
            "{measure} was recorded every {n} minutes {setting} .",
            "the {organ} of {n} {who} was examined {when} .",
            "all {who} were followed for {n} months {setting} .",
            "a {n} - year - old [man|woman] [presented|was admitted] with {ills} .",
            "she had taken {c} for {d} since {n} weeks and complained of {ills} .",
            "{short} did not differ between {who} and {who} .",
            "our results suggest that {drugs} protects the {organ} against {d} .",
        ),
        "tail": ("", "", "", "[However|In addition|Moreover|Later] , {c} caused {d} .", "No {d} occurred .", "Results were compared {setting} ."),
    }
)  # fmt: skip


def unmarked(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text without marks and with a capital, and its mentions as (kind, surface)."""
    plain = sentence(_MARK.sub(r"\2", text))
    mentions = _MARK.findall(text)
    if text.startswith("⟦"):
        mentions[0] = (mentions[0][0], sentence(mentions[0][1]))
    return plain, mentions


def tagged(mentions: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The tokens of the mentions by tag."""
    found: dict[str, list[str]] = {tag: [] for tag in TAGS}
    for kind, surface in mentions:
        first, *rest = surface.split()
        found[f"B-{kind}"].append(first)
        found[f"I-{kind}"] += rest
    return found


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"tokens_concatenated": …}` and the dictionary: one sentence or two."""
    text, mentions = unmarked(f"{ABSTRACTS.draw(rng, 'line')} {ABSTRACTS.draw(rng, 'tail')}".strip())
    return {"tokens_concatenated": text}, repr(tagged(mentions))
