# ruff: noqa: E501 (a template is one line)
"""At the counter: calls to a bank with what the clerk notes down, contracts with margin notes, posts about shops."""

from __future__ import annotations

import random

from training.synthetic.covid import SHADES, post
from training.synthetic.customer_support import REASONS, call, transcript, wish
from training.synthetic.entities import first_name, full_name
from training.synthetic.grammar import sentence
from training.synthetic.legal import CLAUSES, clause

_NOTES = {
    "replace card": ("a lost or broken card", "sent out a new card"),
    "transfer money": ("money that goes to another account", "sent the money on"),
    "check balance": ("how much money is there", "read out the balance"),
    "order checks": ("a new book of checks", "mailed the checks"),
    "pay bill": ("a bill that is due", "settled the bill"),
    "reset password": ("a forgotten password", "gave out a new password"),
    "schedule appointment": ("a meeting with an advisor", "wrote down an appointment"),
    "get branch hours": ("when the office is open", "named the hours of the branch"),
    "none of the above": ("something else", "passed the call on"),
}
_MARGINS = {
    "governing-law": "which law governs",
    "confidentiality": "what stays secret",
    "termination": "how it ends",
    "indemnification": "who pays for losses",
    "payment": "what is paid and when",
    "assignment": "whether rights may be assigned",
    "severability": "provisions that are void",
    "notices": "how to give notice",
    "force-majeure": "events beyond control",
    "warranty": "what is warranted",
    "insurance": "what must be insured",
    "amendment": "how to change it",
    "entire-agreement": "what was agreed before",
    "waiver": "rights not used",
    "arbitration": "who settles disputes",
    "non-compete": "no competing",
    "taxes": "who bears the taxes",
    "interest": "what a loan costs",
    "counterparts": "how many copies",
    "term": "how long it lasts",
    "liability": "limits on damages",
    "audit": "looking at the books",
    "definitions": "what words mean",
    "survival": "what stays in force",
}
_MOODS = {
    2: ("is extremely happy", "could not be happier", "is full of praise"),
    1: ("is rather happy", "is a little happy", "has something good to tell"),
    0: ("tells what happened", "is neither happy nor unhappy", "keeps to the facts"),
    -1: ("is rather unhappy", "is a little unhappy", "has something to complain about"),
    -2: ("is extremely unhappy", "could not be unhappier", "is full of anger or fear"),
}


def support_call(rng: random.Random) -> str:
    """A call, in lines or retold, and often what it was about."""
    reason = rng.choice(tuple(REASONS))
    turns = call(rng, reason)
    note, deed = _NOTES[reason]
    about = rng.choice(
        (
            f"The call was about {note}.",
            f"The clerk {deed}.",
            f"It was about {note}, so the clerk {deed}.",
            "",
        )
    )
    style = rng.random()
    if style < 0.5:
        return f"{transcript(turns)}\n{about}".strip()
    if style < 0.75:
        said = " ".join(
            f"{rng.choice(('Then', 'And'))} the {speaker} says: {text}." for speaker, text in turns
        )
        return f"{said} {about}".strip()
    return f"{full_name(rng)} calls: {wish(rng, reason)}. {about}".strip()


def contract(rng: random.Random) -> str:
    """Numbered clauses, some with a remark on what they are about."""
    lines = []
    for number, kind in enumerate(rng.sample(tuple(CLAUSES), rng.randint(2, 5)), rng.randint(1, 12)):
        text = clause(rng, kind)
        style = rng.random()
        if style < 0.3:
            text += f" (This is about {_MARGINS[kind]}.)"
        elif style < 0.5:
            text = f"On {_MARGINS[kind]}: {text}"
        lines.append(f"{number}. {text}" if rng.random() < 0.8 else text)
    return rng.choice(("\n", "\n\n")).join(lines)


def posts(rng: random.Random) -> str:
    """What people write about shops, some with a word on how they feel."""
    lines = []
    for _ in range(rng.randint(1, 3)):
        shade = rng.choice(tuple(SHADES))
        text, who = post(rng, shade), first_name(rng)
        mood = f"{who} {rng.choice(_MOODS[shade])}"
        if rng.random() < 0.12:
            mood = f"{'Extremely' if abs(shade) == 2 else 'Rather' if shade else 'Hardly'} {'un' * (shade < 0)}happy, {who} goes home"
        lines.append(
            rng.choice((text, f"{text} {sentence(mood)}.", f"{who} writes: {text} {sentence(mood)}."))
        )
    return rng.choice(("\n", " ")).join(lines)


def document(rng: random.Random) -> str:
    return rng.choice((support_call, support_call, contract, contract, posts, posts, posts))(rng)
