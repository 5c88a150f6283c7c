"""The words of the miniature world: `lexicon/*.toml`, lists of words separated by commas."""

from __future__ import annotations

import random
import tomllib
from functools import cache
from pathlib import Path

DIRECTORY = Path(__file__).parent / "lexicon"


@cache
def words(topic: str) -> dict[str, tuple[str, ...]]:
    """The word lists of one file, by name."""
    data = tomllib.loads((DIRECTORY / f"{topic}.toml").read_text(encoding="utf-8"))
    return {
        name: tuple(" ".join(word.split()) for word in listing.split(",") if word.strip())
        for name, listing in data.items()
    }


_ONSETS = "b br c ch cl d dr f fl g gr h j k kl l m n p pr r s sh sk st t th tr v w z".split()
_VOWELS = "a e i o u ai ea ee ia oa ou".split()
_CODAS = ["", "", "l", "n", "r", "s", "t", "m", "nd", "ck", "ll", "rn", "st", "x", "th", "ng"]


def invented_name(rng: random.Random) -> str:
    """A pronounceable word that is in no list, so that a model must copy rather than recognise."""
    syllables = [
        rng.choice(_ONSETS)
        + rng.choice(_VOWELS)
        + (rng.choice(_CODAS) if last else rng.choice(("", "", "n", "r", "l")))
        for last in ([False, True] if rng.random() < 0.75 else [False, False, True])
    ]
    return "".join(syllables).capitalize()
