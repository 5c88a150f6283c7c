"""Reports of technology, business, politics and sport, as prose and as talk about what the papers write."""

from __future__ import annotations

import random

from training.synthetic.agnews_explained import LABELS, article
from training.synthetic.entities import full_name
from training.synthetic.grammar import sentence
from training.synthetic.lexicon import words
from training.synthetic.technews import event

_PAGES = {
    "World": ("foreign pages", "politics"),
    "Business": ("money pages", "economy"),
    "Sports": ("sport pages", "games and players"),
    "Sci/Tech": ("science pages", "research and computers"),
}


def _technology(rng: random.Random) -> str:
    found = event(rng)
    kind = rng.random()
    if kind < 0.3:
        return found.retold(rng)
    if kind < 0.6:
        return found.report(rng.randint(2, 4))
    if kind < 0.8:
        return (
            f"{found.retold(rng)} “{found.headline()}”, a paper wrote on {rng.choice(words('news')['days'])}."
        )
    return f"“{found.headline()}”, {full_name(rng)} read aloud from the paper. {found.retold(rng)}"


def _pages(rng: random.Random) -> str:
    label = rng.choice(LABELS)
    text, subject = article(rng, label)
    page, topic = _PAGES[label]
    return text + rng.choice(
        (
            "",
            f" This was on the {page}.",
            f" So far about {subject}.",
            f"\n({topic}: {subject})",
            f" {full_name(rng)} cut it out, because {subject} interested the family.",
            f" {sentence(subject)} belongs on the {page}, the editor said.",
        )
    )


def document(rng: random.Random) -> str:
    return _technology(rng) if rng.random() < 0.6 else _pages(rng)
