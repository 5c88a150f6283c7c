"""Unfinished everyday scenes with four endings, one of which belongs, in the style of HellaSwag."""

from __future__ import annotations

import random

from training.synthetic.moments import load_scenes, moment


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"ctx": …, "endings": …}` and the number of the ending that fits, from 0."""
    scenes = rng.sample(load_scenes(), 4)
    right = rng.randrange(4)
    moments = [moment(rng, scene) for scene in scenes]
    endings = ", ".join(f"'{each.after}'" for each in moments)
    return {"ctx": moments[right].before, "endings": endings}, str(right)
