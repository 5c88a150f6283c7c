"""News sentences with their entities as JSON, in the style of CoNLL++."""

from __future__ import annotations

import json
import random

from training.synthetic.entities import collect
from training.synthetic.grammar import sentence
from training.synthetic.newswire import NEWSWIRE


def news_sentence(rng: random.Random) -> tuple[str, dict[str, list[str]]]:
    """One tokenised sentence and its entities by type."""
    text, found = collect(NEWSWIRE.draw(rng, "sentence"))
    return sentence(" ".join(text.split())), found


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"input": …}` and the JSON object of four lists."""
    text, found = news_sentence(rng)
    if rng.random() < 0.12:
        second, more = news_sentence(rng)
        text += " " + second
        found = {kind: list(dict.fromkeys(found[kind] + more[kind])) for kind in found}
    style = rng.random()
    if style < 0.2:
        text = text.replace(" .", ".").replace(" ,", ",").replace(" 's", "'s")
    return {"input": text}, json.dumps(found, ensure_ascii=False)
