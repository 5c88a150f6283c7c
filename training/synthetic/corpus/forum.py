"""Forums: questions asked again in other words or mistaken for others, and disputes with a moderator."""

from __future__ import annotations

import random

from training.synthetic.entities import first_name
from training.synthetic.grammar import Grammar
from training.synthetic.jigsaw import comment
from training.synthetic.questions import ask, other_ask, two_wordings

_SAME = Grammar(
    {
        "reply": (
            "Yes, that is what I ask.",
            "Exactly.",
            "That is the same question in other words.",
            "Both ask the same.",
            "I asked that last week.",
        )
    }
)
_OTHER = {
    "intent": (
        "No, I want to know something else about it.",
        "That is about the same thing, but it is another question.",
    ),
    "topic": ("No, I did not ask about {topic}.", "{topic} is another thing."),
    "setting": ("No, not {setting}.", "Another place or time, another question."),
}
_RUDE = (
    "The moderator writes: please stay polite.",
    "That was rude.",
    "This comment hurts someone.",
    "One does not talk of people like that.",
    "Three readers were offended.",
)
_POLITE = (
    "Nobody was offended.",
    "The moderator has nothing to object.",
    "That was said with respect.",
    "A fair comment.",
    "The talk went on in peace.",
)


def _rewording(rng: random.Random) -> str:
    first = ask(rng)
    if rng.random() < 0.5:
        a, b = two_wordings(rng, first, first)
        reply = _SAME.draw(rng, "reply")
    else:
        second = other_ask(rng, first)
        a, b = two_wordings(rng, first, second)
        part = next(
            part for part in ("topic", "intent", "setting") if getattr(first, part) != getattr(second, part)
        )
        reply = rng.choice(_OTHER[part] if part != "setting" or second.setting[0] else _OTHER["intent"])
        reply = reply.replace("{topic}", second.topic[0]).replace("{setting}", second.setting[0])
        reply = reply[:1].upper() + reply[1:]
    frame = rng.choice(
        (
            "“{}” “You mean: {}” “{}”",
            "{} {} {}",
            "Asked by {who}: {}\nAsked by {other}: {}\n{}",
            "- {}\n- {}\n- {}",
        )
    )
    return frame.format(a, b, reply, who=first_name(rng), other=first_name(rng))


def _dispute(rng: random.Random) -> str:
    toxic = rng.random() < 0.5
    said, reaction = comment(rng, toxic), rng.choice(_RUDE if toxic else _POLITE)
    return rng.choice(
        (f"{said} {reaction}", f"{first_name(rng)}: {said}\n{reaction}", f"“{said}” {reaction}", said)
    )


def document(rng: random.Random) -> str:
    return _rewording(rng) if rng.random() < 0.6 else _dispute(rng)
