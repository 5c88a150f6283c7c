"""Short news paragraphs and the headline that sums them up, in the style of the TLDR newsletter."""

from __future__ import annotations

import random

from training.synthetic.technews import event


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"content": …}` and the headline, whose names and numbers all stand in the paragraph."""
    found = event(rng)
    return {"content": found.retold(rng)}, found.headline()
