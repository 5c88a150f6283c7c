# ruff: noqa: E501 (a template is one line)
"""Sentences of correct English, and the same sentences with exactly one mistake.

A template holds the right form and the wrong ones at every place where a learner may slip, `<has~have|had to>`,
and marks two parts that may stand the wrong way round: `<did_she~⇄>`. A correct sentence takes the right form
everywhere, an incorrect one takes one wrong form.
"""

from __future__ import annotations

import random
import re

from training.synthetic.entities import city
from training.synthetic.grammar import Grammar, sentence, with_articles
from training.synthetic.gsm8k.problem import person, plural, thing
from training.synthetic.lexicon import words

_SLIP = re.compile(r"<([^~<>]*)~([^<>]*)>")
_THINGS = words("things")
_JOBS = tuple(job for job in words("people")["jobs"] if " " not in job)
_FORMS = words("verbs")


def _verbs(listing: str, right: int, *wrong: int) -> tuple[str, ...]:
    """Slips of every verb of the list, given as positions in its forms."""
    rows = [entry.split("/") for entry in _FORMS[listing]]
    return tuple(f"<{row[right]}~{'|'.join(dict.fromkeys(row[at] for at in wrong))}>" for row in rows)


def _thing(rng: random.Random) -> tuple[str, str]:
    """Singular and plural, which differ: one sheep and two sheep would hide a slip."""
    found = thing(rng)
    return found if found[0] != found[1] else _thing(rng)


_GRAMMAR = Grammar(
    {
        "name": lambda rng: person(rng).name,
        "job": _JOBS,
        "jobs": tuple(
            "sailors" if job == "sailor" else plural(job) for job in _JOBS if not job.endswith("man")
        ),
        "thing": lambda rng: _thing(rng)[0],
        "things": lambda rng: _thing(rng)[1],
        "animal": tuple(
            animal for animal in _THINGS["animals"] if animal not in ("deer", "mouse", "wolf", "fox")
        ),
        "animals": tuple(plural(a) for a in _THINGS["animals"] if a not in ("deer", "mouse", "wolf", "fox")),
        "room": _THINGS["rooms"],
        "city": city,
        "day": words("news")["days"],
        "adj": (
            "old",
            "new",
            "small",
            "heavy",
            "green",
            "broken",
            "clean",
            "famous",
            "quiet",
            "expensive",
            "strange",
            "empty",
        ),
        "long_adj": (
            "careful",
            "famous",
            "expensive",
            "beautiful",
            "difficult",
            "useful",
            "dangerous",
            "interesting",
        ),
        "er": (
            "<taller~more tall|tall>",
            "<older~more old|old>",
            "<smaller~more small|small>",
            "<faster~more fast|fast>",
            "<heavier~more heavy|heavy>",
        ),
        "mass": ("water", "rice", "sugar", "music", "bread", "snow", "sand", "milk", "paint", "flour"),
        "num": ("two", "three", "four", "five", "six", "seven", "ten", "twelve"),
        "adverb": ("often", "always", "never", "rarely", "usually"),
        # right and wrong forms of verbs: base, -s, past, participle, -ing, overregular past
        "does": _verbs("acts", 1, 0, 4),
        "do": _verbs("acts", 0, 1, 4),
        "did": _verbs("acts", 2, 5, 4),
        "done": _verbs("acts", 3, 5, 0),
        "infinitive": _verbs("acts", 0, 1, 2),
        "doing": _verbs("acts", 4, 0, 1),
        "sleeps": _verbs("states", 1, 0),
        "sleep": _verbs("states", 0, 1),
        "slept": _verbs("states", 2, 5),
        "sg": (
            "the {job}",
            "the {adj} {thing}",
            "this {thing}",
            "the {animal}",
            "the {thing} in the {room}",
            "the {job} of the {animals}",
            "every {job}",
        ),
        "pl": (
            "the {jobs}",
            "the {adj} {things}",
            "these {things}",
            "the {animals}",
            "the {things} in the {room}",
            "the {animals} of the {job}",
            "{num} {jobs}",
        ),
        "clause": (
            "{sg} <is~are|be> {adj}",
            "{pl} <are~is|be> {adj}",
            "{sg} <was~were> in the {room}",
            "{pl} <were~was> in the {room}",
            "the {job} {does} the {things}",
            "the {jobs} {do} the {things}",
            "the {animal} {sleeps} in the {room}",
            "the {animals} {sleep} in the {room}",
            "yesterday {name} {did} the {thing}",
            "the {animal} {slept} in the {room} last {day}",
            "{name} <has~have|is> {done} the {thing}",
            "the {jobs} <have~has|are> never {done} the {things}",
            "{name} <can~cans|can to> {infinitive} the {thing}",
            "{name} <wants to~wants|want to> {infinitive} the {thing}",
            "the {job} <is~are|does> {doing} the {thing}",
            "the {things} <were~was|did> {done} by the {job}",
            "there <is~are> a {thing} in the {room}",
            "there <are~is> {num} {things} in the {room}",
            "<this~these> {thing} is {adj}",
            "<these~this> {things} are {adj}",
            "<many~much> {things} are {adj}",
            "<much~many> {mass} was in the {room}",
            "<he~him> gave <her~she> the {thing}",
            "<she~her> saw <him~he> in the {room}",
            "<they~them> waited for <us~we> in {city}",
            "she hurt <herself~himself|itself> in the {room}",
            "he taught <himself~herself|themselves> to dance",
            "the {thing} is {er} than the {thing}",
            "the {thing} is <more~most|much> {long_adj} than the {thing}",
            "{name} <did_not~⇄> {infinitive} the {thing} last {day}",
            "{name} {adverb} {does} the {thing}",
            "the {thing} <that~what|who> {name} {did} is {adj}",
            "the {job} <who~which|whose> {did} the {thing} lives in {city}",
            "{name} <put_the~⇄> {thing} in the {room}",
            "{name} lives <in~on|at the> {city}",
            "the {job} <is_tired~⇄> today",
            "the {job} <is tired~tired> today",
            "{name} made <the {job}_laugh~⇄>",
            "{name} made the {job} <laugh~laughs|laughed>",
            "{name} bought a <{adj}_{thing}~⇄>",
            "the {job} <looks_at~⇄> the {thing}",
            "the {job} <looks at~looks> the {thing}",
        ),
        "sentence": (
            "{clause}",
            "{clause}",
            "{clause}",
            "{clause} and {clause}",
            "{clause}, but {clause}",
            "{name} says that {clause}",
            "i think that {clause}",
            "it is true that {clause}",
            "because {clause}, {name} went home",
        ),
        "question": (
            "<does~do|is> {name} <like~likes> the {thing} now",
            "did {name} {infinitive} the {thing}",
            "which {thing} <did_{name}~⇄> {infinitive}",
            "why <is_the {job}~⇄> {doing} the {thing}",
            "<have~has> the {jobs} {done} the {thing}",
            "where <are_the {things}~⇄>",
            "where <are~is> the {things}",
        ),
    }
)


def draft(rng: random.Random) -> str:
    """A sentence with its slips still marked; it has at least one."""
    if rng.random() < 0.12:
        return _GRAMMAR.draw(rng, "question") + "?"
    return _GRAMMAR.draw(rng, "sentence") + "."


def write_out(rng: random.Random, marked: str, correct: bool) -> str:
    """The marked sentence without a mistake, or with one at a place chosen by `rng`."""
    slip = -1 if correct else rng.randrange(len(_SLIP.findall(marked)))
    parts, end = [], 0
    for at, match in enumerate(_SLIP.finditer(marked)):
        wrong = rng.choice(match[2].split("|"))
        if wrong == "⇄":
            wrong = " ".join(reversed(match[1].split("_")))
        parts += [marked[end : match.start()], wrong if at == slip else match[1].replace("_", " ")]
        end = match.end()
    text = "".join([*parts, marked[end:]]).replace(" i ", " I ")
    return sentence(with_articles(text))


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"sentence": …}` and `1` for a correct sentence, `0` for one with a mistake."""
    correct = rng.random() < 0.5
    return {"sentence": write_out(rng, draft(rng), correct)}, "1" if correct else "0"
