"""Scenes: who does what to which things, where, when and how, said in many ways and at two widths.

A scene is a mapping from slots to meanings. A meaning knows its synonyms and what it is a kind of, so that a
second sentence can say the same, less, something wider, or something that can not be true as well.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from training.synthetic.entities import first_name
from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import words

_WORDS = words("scenes")


@dataclass(frozen=True, slots=True)
class Meaning:
    """`forms` are synonyms; `wider` says a kind that this belongs to, "" where there is none."""

    forms: tuple[str, ...]
    wider: str = ""


Scene = Mapping[str, Meaning]


def _meanings(listing: str, wider: str = "", article: str = "") -> tuple[Meaning, ...]:
    return tuple(
        Meaning(tuple(with_articles(article + form) for form in entry.split("/")), wider)
        for entry in _WORDS[listing]
    )


# Verbs keep both forms, `-ing/participle`, until the sentence is built.
_OBJECTS = {
    kind: (
        _meanings(kind, wider),
        tuple(Meaning(tuple(entry.split("|"))) for entry in _WORDS[f"{verbs}_verbs"]),
    )
    for kind, verbs, wider in (
        ("fruit", "food", "pieces of fruit"),
        ("vegetables", "food", "vegetables"),
        ("vehicles", "vehicles", "vehicles"),
        ("furniture", "furniture", "pieces of furniture"),
        ("clothes", "clothes", "clothes"),
        ("instruments", "instruments", "instruments"),
        ("reading", "reading", "things to read"),
    )
}
_PEOPLE = _meanings("adults", "an adult", "a ") + _meanings("children", "a child", "a ")
_CHOICES = {
    "count": _meanings("numbers"),
    "colour": _meanings("colours"),
    "place": _meanings("indoors", "indoors") + _meanings("outdoors", "outdoors"),
    "day": _meanings("weekdays", "on a weekday") + _meanings("weekend", "at the weekend"),
    "hour": _meanings("hours"),
    "company": _meanings("company"),
    "mood": _meanings("moods"),
}
CORE = ("who", "verb", "object")


def _drawn(rng: random.Random, choices: Sequence[Meaning]) -> Meaning:
    """One of the choices; each wider meaning is as likely as the others, however many fall under it."""
    wider = rng.choice(sorted({meaning.wider for meaning in choices}))
    return rng.choice([meaning for meaning in choices if meaning.wider == wider])


def scene(rng: random.Random) -> dict[str, Meaning]:
    """A meaning for every slot: the three of the core first, then the details that make sense with them."""
    kind = rng.choice(tuple(_OBJECTS))
    objects, verbs = _OBJECTS[kind]
    choices = {**_CHOICES}
    if kind in ("fruit", "vegetables"):
        del choices["colour"]
    return {
        "who": Meaning((first_name(rng),)) if rng.random() < 0.4 else _drawn(rng, _PEOPLE),
        "verb": rng.choice(verbs),
        "object": rng.choice(objects),
        **{slot: _drawn(rng, meanings) for slot, meanings in choices.items()},
    }


def details(scene: Scene) -> tuple[str, ...]:
    """The slots that a sentence may leave out."""
    return tuple(slot for slot in scene if slot not in CORE)


def another(rng: random.Random, scene: Scene, slot: str) -> Meaning:
    """A meaning that excludes the slot's own and leaves the sentence sensible.

    Names give way to names, people, places and days to those of another wider meaning. Meanings drawn by
    `scene` therefore come out as often as they go in.
    """
    old = scene[slot]
    if slot == "who":
        if not old.wider:
            name = Meaning((first_name(rng),))
            return name if name != old else another(rng, scene, slot)
        return rng.choice([m for m in _PEOPLE if m.wider != old.wider])
    if slot in ("verb", "object"):
        objects, verbs = next(o for o in _OBJECTS.values() if scene["object"] in o[0])
        return rng.choice([m for m in (verbs if slot == "verb" else objects) if m != old])
    return rng.choice([m for m in _CHOICES[slot] if m != old and (not old.wider or m.wider != old.wider)])


def say(
    rng: random.Random,
    scene: Scene,
    told: Collection[str] = (),
    *,
    was: bool = False,
    wider: Collection[str] = (),
    plain: bool = False,
) -> str:
    """One sentence about the core and the details `told`; slots in `wider` are said by their wider meaning.

    `plain` keeps to first synonyms, active voice and fixed order; otherwise all three vary. `was` chooses the
    past tense.
    """

    def form(slot: str) -> str:
        meaning = scene[slot]
        if slot in wider and meaning.wider:
            return meaning.wider
        return meaning.forms[0] if plain else rng.choice(meaning.forms)

    things = " ".join([form(slot) for slot in ("count", "colour") if slot in told] + [form("object")])
    doing, done = form("verb").split("/")
    rest = [form(slot) for slot in ("mood", "company", "place", "hour", "day") if slot in told]
    passive = not plain and rng.random() < 0.2 and not {"mood", "company"} & set(told)
    if passive:
        text = f"{things} {'were' if was else 'are'} being {done} by {form('who')}"
    else:
        text = f"{form('who')} {'was' if was else 'is'} {doing} {things}"
    front = ""
    if not plain:
        rng.shuffle(rest)
        if rest and rng.random() < 0.3 and {"place", "day", "hour"} & set(told):
            fronted = [form for form in rest if form.startswith(("in the", "on ", "at the w", "by "))]
            if fronted:
                rest.remove(fronted[0])
                front = fronted[0] + ", "
    return sentence(with_articles(" ".join([front + text, *rest]))) + "."
