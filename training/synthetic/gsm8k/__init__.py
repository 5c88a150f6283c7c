"""Word problems with one to three steps, solved step by step, in the style of GSM8K.

A solution has one sentence with an equation for each step and ends with `#### ` and the number.
"""

from __future__ import annotations

import random

from training.synthetic.gsm8k.changes import chain, joined
from training.synthetic.gsm8k.groups import packing, seats, sharing
from training.synthetic.gsm8k.problem import Problem, open_thing
from training.synthetic.gsm8k.relations import ages, comparing, rate
from training.synthetic.gsm8k.short import short
from training.synthetic.gsm8k.trade import bill, shopping

FAMILIES = (
    *(chain, chain, chain, joined, joined, short, short, short, short),
    *(shopping, shopping, bill, packing, packing, sharing, comparing, comparing, rate, seats, ages),
)


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"question": …}` and the solution."""
    problem = Problem(rng, noun=open_thing)
    rng.choice(FAMILIES)(problem)
    return problem.finished()
