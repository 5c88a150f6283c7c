"""English lessons: sentences of pupils, and the teacher who corrects them or finds nothing to correct."""

from __future__ import annotations

import random

from training.synthetic.entities import first_name
from training.synthetic.glue_cola import draft, write_out

_GOOD = ("Well written.", "Nothing to correct.", "Good English.", "Right.")
_BAD = ("There is a mistake in it.", "That is not English.", "Wrong.", "One word is not right.")


def _line(rng: random.Random) -> str:
    marked, who = draft(rng), first_name(rng)
    right = write_out(rng, marked, correct=True)
    style = rng.random()
    if style < 0.35:
        return right
    if style < 0.6:
        return rng.choice((f"{who} writes: {right} {rng.choice(_GOOD)}", f"{right} {rng.choice(_GOOD)}"))
    wrong = write_out(rng, marked, correct=False)
    if style < 0.8:
        return rng.choice((f"{who} writes: {wrong} {rng.choice(_BAD)}", f"{wrong} {rng.choice(_BAD)}"))
    return rng.choice(
        (
            f"Not “{wrong}” but “{right}”",
            f"{wrong} {rng.choice(_BAD)} Better: {right}",
            f"{who} writes: {wrong} The teacher corrects: {right}",
        )
    )


def document(rng: random.Random) -> str:
    return rng.choice(("\n", " ")).join(_line(rng) for _ in range(rng.randint(2, 6)))
