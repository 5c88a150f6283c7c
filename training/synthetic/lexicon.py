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


_ONSETS = "b br c ch cl d dr f fl g gr h j k kl l m n p pr qu r s sh sk st t th tr v w y z"
_VOWELS = "a e i o u a e i o ai ea ee ia oo ou"
_CODAS = (
    "",
    "",
    "l",
    "n",
    "r",
    "s",
    "t",
    "m",
    "nd",
    "ck",
    "ll",
    "rn",
    "st",
    "x",
    "th",
    "ng",
    "tz",
    "ff",
    "rk",
    "son",
)


@cache
def _everyday_words() -> tuple[str, ...]:
    """Every plain word of five letters or more in the lexicon."""
    found = {
        word.lower()
        for file in sorted(DIRECTORY.glob("*.toml"))
        for listing in words(file.stem).values()
        for entry in listing
        for word in entry.split()
        if word.isascii() and word.isalpha() and len(word) >= 5
    }
    return tuple(sorted(found))


def _syllables(rng: random.Random) -> str:
    count = rng.choice((1, 2, 2, 2, 3))
    middle = "".join(
        rng.choice(_ONSETS.split()) + rng.choice(_VOWELS.split()) + rng.choice(("", "", "n", "r", "l"))
        for _ in range(count - 1)
    )
    return middle + rng.choice(_ONSETS.split()) + rng.choice(_VOWELS.split()) + rng.choice(_CODAS)


def _blend(rng: random.Random) -> str:
    """The start of one word and the end of another."""
    first, second = rng.choice(_everyday_words()), rng.choice(_everyday_words())
    return first[: rng.randint(2, 4)] + second[-rng.randint(2, 5) :]


def invented_word(rng: random.Random) -> str:
    """A lower-case word that is in no list, so that a model must copy rather than recognise."""
    word = _blend(rng) if rng.random() < 0.5 else _syllables(rng)
    return word if len(word) > 2 else word + rng.choice(_CODAS[2:])


def invented_name(rng: random.Random) -> str:
    return invented_word(rng).capitalize()


def acronym(rng: random.Random) -> str:
    """Two to five capital letters."""
    return "".join(rng.choice("ABCDEFGHIJKLMNOPRSTUVWXYZ") for _ in range(rng.choice((2, 3, 3, 3, 4, 5))))
