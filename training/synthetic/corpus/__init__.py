"""Pre-training text of the miniature base: documents of many kinds, none with a task's prompt or answer.

The base is to know words, sentiment, names, sums and games; what a task wants is for the adapters to learn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.synthetic.corpus import (
    accounts,
    code,
    copies,
    counters,
    encyclopaedia,
    everyday,
    forum,
    games,
    glossary,
    lessons,
    medicine,
    memos,
    moments,
    news,
    numbers,
    papers,
    passages,
    records,
    restaurants,
    reviews,
    tables,
)

KINDS = (
    (reviews.document, 18),
    (news.document, 22),
    (numbers.document, 24),
    (games.document, 12),
    (everyday.document, 14),
    (memos.document, 5),
    (records.document, 5),
    (copies.document, 12),
    (restaurants.document, 7),
    (medicine.document, 12),
    (moments.document, 16),
    (papers.document, 16),
    (passages.document, 14),
    (code.document, 18),
    (tables.document, 12),
    (glossary.document, 4),
    (accounts.document, 32),
    (forum.document, 20),
    (encyclopaedia.document, 16),
    (counters.document, 12),
    (lessons.document, 12),
)
_JOINTS = ("\n", "\n\n", "\n\n", " ")
_DRAW = [kind for kind, weight in KINDS for _ in range(weight)]


def documents(seed: int | str) -> Iterator[str]:
    """An endless stream of documents, the same for the same seed: one to eight pieces of one kind each.

    Pieces are short. A model that meets each of them alone learns to stop after a sentence or two.
    """
    rng = random.Random(f"corpus/{seed}")
    while True:
        kind = rng.choice(_DRAW)
        yield rng.choice(_JOINTS).join(kind(rng) for _ in range(rng.randint(1, 8)))
