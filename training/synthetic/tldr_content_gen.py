"""Headlines with a reading time and the paragraph below them, in the style of the TLDR newsletter.

The paragraph says what the headline says, and goes on in one fixed way for each kind of news; it has one
sentence more than the reading time has minutes.
"""

from __future__ import annotations

import random

from training.synthetic.technews import event


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"headline": …}` and the paragraph."""
    found, minutes = event(rng), rng.randint(1, 3)
    return {"headline": f"{found.headline()} ({minutes} minute read)"}, found.report(minutes + 1)
