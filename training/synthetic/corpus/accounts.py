"""Two people tell of one event, and someone remarks in plain words whether and where they agree."""

from __future__ import annotations

import random

from training.synthetic import reports
from training.synthetic.entities import city, first_name, full_name
from training.synthetic.grammar import sentence
from training.synthetic.scenes import CORE, Scene, another, details, say, scene

_ABOUT = {
    "who": ("the person", "who it was"),
    "verb": ("the deed", "what was done"),
    "object": ("the things", "with what it was done"),
    "count": ("the number", "how many there were"),
    "colour": ("the colour", "which colour it was"),
    "place": ("the place", "where it was"),
    "day": ("the day", "on which day it was"),
    "hour": ("the hour", "at what time it was"),
    "company": ("the company", "who else was there"),
    "mood": ("the manner", "how it was done"),
}
_AGREE = (
    "Both say the same.",
    "They agree.",
    "What {b} says is true if {a} is right.",
    "So {b} is right as well.",
    "There is no difference between the two.",
    "{b} tells nothing new, and nothing false.",
    "If one is true, so is the other.",
)
_DISAGREE = (
    "They disagree about {about}.",
    "They can not both be right: {about} differs.",
    "If {a} is right, {b} is wrong about {about}.",
    "No, says {a}: {b} is mistaken about {about}.",
    "One of them must be wrong about {about}.",
)
_ADDS = (
    "{a} does not say {which}.",
    "Whether {b} is right nobody can tell: {a} does not say {which}.",
    "{b} adds {about}, of which {a} says nothing.",
    "{about} may be so or not; {a} is silent about it.",
)
_TELL = (
    "{a} said: “{first}” {b} said: “{second}” {remark}",
    "“{first}” That is what {a} remembers. {b} remembers it so: “{second}” {remark}",
    "{a} wrote:\n{first}\n{b} wrote:\n{second}\n{remark}",
    "{first} So it stands in the diary of {a}. {second} So it stands in the diary of {b}. {remark}",
    "{first} {second} {remark}",
)


def _fill(template: str, **values: str) -> str:
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _told(rng: random.Random, first: str, second: str, remark: str, about: str = "", which: str = "") -> str:
    a, b = first_name(rng), first_name(rng)
    remark = sentence(_fill(remark, about=about, which=which, a=a, b=b))
    return _fill(rng.choice(_TELL), remark=remark, a=a, b=b, first=first, second=second)


def _second(
    rng: random.Random, seen: Scene, order: list[str], known: int, was: bool
) -> tuple[str, tuple[str, ...], str, str]:
    """Another account of what was seen: its text, the remarks that fit it, and what they are about.

    The first account tells the first `known` details of the order. This one says less, more, wider words, or
    something else.
    """
    claimed, asked = dict(seen), rng.sample(order[:known], rng.randint(1, 2))
    wider = [slot for slot in ("who", "object", "place", "day") if rng.random() < 0.25]
    kind, about, which = rng.choice((_AGREE, _ADDS, _DISAGREE)), "", ""
    if kind is _ADDS:
        asked[0] = rng.choice(order[known:])
        about, which = _ABOUT[asked[0]]
    elif kind is _DISAGREE:
        slot = asked[0] if rng.random() < 0.7 else rng.choice(CORE)
        claimed[slot] = another(rng, seen, slot)
        wider = [each for each in wider if each != slot]
        about = _ABOUT[slot][0]
    return say(rng, claimed, asked, was=was, wider=wider), kind, about, which


def _seen(rng: random.Random) -> tuple[Scene, list[str], int, bool]:
    seen = scene(rng)
    order = list(details(seen))
    rng.shuffle(order)
    return seen, order, rng.randint(2, 4), rng.random() < 0.6


def _witnesses(rng: random.Random) -> str:
    seen, order, known, was = _seen(rng)
    first = say(rng, seen, order[:known], was=was)
    second, remarks, about, which = _second(rng, seen, order, known, was)
    return _told(rng, first, second, rng.choice(remarks), about, which)


def _hearing(rng: random.Random) -> str:
    """One account, and several others held against it."""
    seen, order, known, was = _seen(rng)
    a = first_name(rng)
    joint = rng.choice((" ", "\n"))
    lines = [f"{a}, who saw it, says: {say(rng, seen, order[:known], was=was)}"]
    for _ in range(rng.randint(2, 4)):
        second, remarks, about, which = _second(rng, seen, order, known, was)
        b = first_name(rng)
        remark = sentence(_fill(rng.choice(remarks), about=about, which=which, a=a, b=b))
        lines.append(f"{b}: {second} {remark}")
    return joint.join(lines)


def _pictures(rng: random.Random) -> str:
    """Two pictures compared slot by slot."""
    first = scene(rng)
    second, slots = dict(first), ("who", "verb", "object", "place")
    differing = rng.sample(slots, rng.randint(0, 4))
    for slot in differing:
        second[slot] = another(rng, first, slot)
    texts = [say(rng, each, ("place",)) for each in (first, second)]
    if not differing:
        remark = rng.choice(
            ("The two are the same picture.", "Nothing differs.", "They could not be more alike.")
        )
    elif len(differing) == len(slots):
        remark = rng.choice(("They have nothing in common.", "Everything differs."))
    else:
        other = " and ".join(_ABOUT[slot][0] for slot in slots if slot in differing)
        alike = " and ".join(_ABOUT[slot][0] for slot in slots if slot not in differing)
        remark = rng.choice(
            (
                f"Other: {other}. Alike: {alike}.",
                f"They share {alike} and differ in {other}.",
                f"{sentence(other)}: that is the difference.",
            )
        )
    frame = rng.choice(("One picture: {} Another picture: {} {}", "{}\n{}\n{}", "{} On the next page: {} {}"))
    return frame.format(*texts, remark)


def _papers(rng: random.Random) -> str:
    """Two newspapers on one event, or on two."""
    frame, first = reports.event(rng)
    second, slots = (first, []) if rng.random() < 0.5 else reports.altered(rng, first, rng.choice((1, 1, 2)))
    a, b = reports.two_reports(rng, frame, first, second)
    one, other = f"the {city(rng)} Herald", f"the {city(rng)} Courier"
    if not slots:
        remark = rng.choice(
            ("Both papers report the same.", "It is one event in other words.", f"So {other} has it right.")
        )
    else:
        differences = [f"one says {first[slot][0]}, the other {second[slot][0]}" for slot in slots]
        remark = (
            rng.choice(("The papers differ", "It is not the same", "They do not agree"))
            + ": "
            + "; ".join(differences)
            + "."
        )
    style = rng.random()
    if style < 0.5:
        return f"{sentence(one)}: {a} {sentence(other)}: {b} {remark}"
    return f"{a} {b} {remark}" if style < 0.75 else f"{a}\n{b}\n{remark}\nSigned, {full_name(rng)}"


def _words(rng: random.Random) -> str:
    """What words mean: synonyms, and what is a kind of what."""
    lines = []
    for _ in range(rng.randint(2, 5)):
        seen = scene(rng)
        meaning = seen[rng.choice([slot for slot in seen if slot != "verb"])]
        if len(meaning.forms) > 1:
            a, b = rng.sample(meaning.forms, 2)
            lines.append(rng.choice((f"“{a}” means “{b}”.", f"Some say “{a}”, others “{b}”.")))
        if meaning.wider:
            lines.append(f"“{rng.choice(meaning.forms)}”, that is “{meaning.wider}”.")
    return " ".join(lines) or _words(rng)


def document(rng: random.Random) -> str:
    return rng.choice(
        (_witnesses, _witnesses, _hearing, _hearing, _pictures, _pictures, _papers, _papers, _papers, _words)
    )(rng)
