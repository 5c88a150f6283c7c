"""Unfinished everyday scenes and their next step, in the style of HellaSwag without the choice of endings."""

from __future__ import annotations

import random

from training.synthetic.moments import moment


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"ctx": …}` and the ending, which follows from the scene and its words."""
    found = moment(rng)
    return {"ctx": found.before}, found.after
