"""Medical abstracts, some with a list of their substances and conditions below, and package leaflets."""

from __future__ import annotations

import random

from training.synthetic.bc5cdr import ABSTRACTS, chemical, disease, unmarked
from training.synthetic.grammar import sentence
from training.synthetic.lexicon import words

_HEADINGS = {
    "Chemical": ("Substances", "Drugs and chemicals", "Given"),
    "Disease": ("Conditions", "Illnesses", "Seen"),
}


def _abstract(rng: random.Random) -> str:
    lines, found = [], {"Chemical": [], "Disease": []}
    for _ in range(rng.randint(1, 4)):
        line, mentions = unmarked(ABSTRACTS.draw(rng, "line"))
        lines.append(line)
        for kind, surface in mentions:
            found[kind].append(surface)
    text = " ".join(lines)
    if rng.random() < 0.5:
        text = text.replace(" .", ".").replace(" ,", ",").replace("( ", "(").replace(" )", ")")
    if rng.random() < 0.55:
        choice = rng.randrange(3)
        text += "\n" + "\n".join(
            f"{_HEADINGS[kind][choice]}: {'; '.join(surfaces) or 'none'}" for kind, surfaces in found.items()
        )
    return text


def _leaflet(rng: random.Random) -> str:
    drug = sentence(chemical(rng))
    ills = [disease(rng) for _ in range(rng.randint(2, 5))]
    organ = rng.choice(words("medicine")["organs"])
    return (
        f"{drug} is used against {ills[0]}. Possible side effects are {', '.join(ills[1:])}. "
        f"Tell your doctor if you take {chemical(rng)} or have {disease(rng)}. {drug} acts on the {organ}."
    )


def _tokens(rng: random.Random) -> str:
    """A sentence, and for each mention what it is."""
    text, mentions = unmarked(ABSTRACTS.draw(rng, "line"))
    kinds = {"Chemical": "substance", "Disease": "condition"}
    lines = [f"{word} - {kinds[kind]}" for kind, surface in mentions for word in surface.split()]
    return "\n".join([text, *lines])


def document(rng: random.Random) -> str:
    kind = rng.random()
    return _abstract(rng) if kind < 0.65 else _tokens(rng) if kind < 0.85 else _leaflet(rng)
