# ruff: noqa: E501 (a template is one line)
"""Sentences from film reviews with their sentiment, in the lower-case style of the Stanford treebank.

The grammar is written once: `+` rules carry the sentiment of the whole, `-` rules the opposite one, and the
two polarities fill them the other way round.
"""

from __future__ import annotations

import random

from training.synthetic.grammar import Grammar, sentence
from training.synthetic.lexicon import words

_FILM = words("film")


def _polar(same: str, opposite: str) -> dict[str, tuple[str, ...]]:
    nouns = {"good": _FILM["praise_nouns"], "bad": _FILM["blame_nouns"]}
    degree = {"good": _FILM["intensifiers"], "bad": _FILM["bad_intensifiers"]}
    return {
        "+a": _FILM[same],
        "-a": _FILM[opposite],
        "+n": nouns[same],
        "-n": nouns[opposite],
        "+v": _FILM[f"{same}_verbs"],
        "-v": _FILM[f"{opposite}_verbs"],
        "+i": degree[same],
    }


_SHARED = Grammar(
    {
        "thing": _FILM["things"],
        "part": _FILM["parts"],
        "parts": _FILM["plural_parts"],
        "role": _FILM["roles"],
        "people": _FILM["people"],
        "topic": _FILM["topics"],
        "film": (
            "film",
            "movie",
            "picture",
            "story",
            "show",
            "drama",
            "comedy",
            "thriller",
            "sequel",
            "{thing}",
        ),
        "other": _FILM["other_things"],
        "is": ("is", "is", "is", "was", "felt", "looks"),
        "are": ("are", "are", "were"),
        "+adj": ("{+a}", "{+a}", "{+i} {+a}"),
        "+adjs": ("{+adj}", "{+a} and {+a}", "{+a} , {+a}", "{+a} , {+a} and {+a}", "{+a} , {+i} {+a}"),
        "about": ("", "", "", " about {topic}", " of {topic}", " set in a world of {topic}"),
        "opener": (
            "",
            "",
            "",
            "",
            "in the end , ",
            "from start to finish , ",
            "as a whole , ",
            "for all its {topic} , ",
            "once again , ",
            "i have to say , ",
            "frankly , ",
            "no doubt about it : ",
            "from its first scene on , ",
        ),
        "noun_phrase": (
            "a {+adjs} {film}{about}",
            "a {+adj} {film}{about} with {+adj} {parts}",
            "a {+adj} {film}{about} that {+v}",
            "a {+n} of a {film}",
            "a {+adj} , {+a} {thing} from a {+a} {role}",
            "{+adjs} {parts} and a {+adj} {part}",
            "one of the most {+a} [films|movies|stories|shows|comedies|dramas|books] [of the year|in years|i have ever seen|of its kind]",
            "{+a} from [start to finish|beginning to end|the first scene to the last]",
            "[every bit|just|exactly] as {+a} as [its title|the book|the first one|you expect]",
            "more {+a} than [anything i saw this year|the original|it has any right to be]",
            "a {+adj} {thing} , {+a} and {+a}",
            "{+adj} {thing}",
            "{+a} {parts}",
        ),
        "clause": (
            "the {part} {is} {+adjs}",
            "the {other} {is} {+adjs}",
            "the {other} was {+a} and the {other} was {+a}",
            "this {other} is {+adjs}",
            "what a {+adj} {other}",
            "a {+adj} {other} with my [family|friends|sister|class]",
            "the {part} is a {+n}",
            "the [actors|actor|actress|director] did a {+a} job",
            "the {parts} {are} {+adjs}",
            "the {part} {+v}",
            "the {film} {+v}",
            "it {+v}",
            "it is {+adjs}",
            "it 's {+adjs}",
            "it 's a {+adj} {film}{about}",
            "this is a {+n}",
            "this {film} is a {+n}",
            "this {film} [is|feels|looks|seems|turns out] {+adjs}",
            "the {role} [is {+a}|gives a {+a} performance]",
            "the {role} makes it {+a}",
            "everything about the {part} [is|feels] {+adj}",
            "i found it {+adjs}",
            "i found the {part} {+adj}",
            "you will find it {+adj}",
            "{people} will find it {+adj}",
        ),
        "negated": (
            "not {-a}",
            "not {-a} at all",
            "not [very|so|that] {-a}",
            "it was not {-a}",
            "it was not {-a} at all",
            "i did n't find it {-a}",
            "i would not call it {-a}",
            "the {part} is not {-a}",
            "the {other} was n't {-a}",
            "it is never {-a}",
            "it is not {-a} at all",
            "it is n't {-a}",
            "the {part} is never {-a}",
            "the {parts} are n't {-a}",
            "there is not a {-a} moment in it",
            "not one {-a} scene in the whole {film}",
            "it is neither {-a} nor {-a}",
            "the {film} is [far from|anything but|hardly|not the least bit] {-a}",
            "[far from|anything but|hardly] {-a}",
            "nothing about the {part} is {-a}",
            "without a {-a} [moment|scene|line] anywhere",
            "you could not call it {-a}",
        ),
        "contrast": (
            "a {-a} but {+a} {film}",
            "{-a} but {+a}",
            "{-a} {part} but {+a} {parts}",
            "{-a} {part} but the {part} is a {+n}",
            "the {part} is a {-n} but the {part} is {+a}",
            "the {part} is {-a} but the {part} is {+adj}",
            "the {other} was {-a} but the {other} was {+a}",
            "despite its {-a} {part} , {clause}",
            "despite some {-a} {parts} , {clause}",
            "although the {part} is {-a} , {clause}",
            "the {part} may be {-a} , but {clause}",
            "the {parts} are {-a} , but {clause}",
            "it {-v} at first , but in the end it {+v}",
            "it looks {-a} at first , yet {clause}",
            "it starts as a {-a} {thing} and ends as a {+a} one",
            "what could have been a {-n} is a {+n}",
            "it could have been {-a} , but {clause}",
            "a {-a} {part} , but {+adj} {parts} and a {+a} {thing}",
            "some will call it {-a} , but {clause}",
            "{clause} , even if the {part} is {-a}",
            "{clause} , though the {parts} are a little {-a}",
        ),
        "any": (
            "{noun_phrase}",
            "{noun_phrase}",
            "{clause}",
            "{clause}",
            "{negated}",
            "{contrast}",
            "{verdict}",
            "{clause} and {clause}",
            "{clause} , and {clause}",
            "{noun_phrase} ; {clause}",
            "{clause} and {negated}",
            "{noun_phrase} , and {verdict}",
            "{opener}{clause}",
        ),
    }
)

_VERDICTS = {
    "good": (
        "i [loved|adored] [it|this {film}|every minute of it|the {part}|the {other}]",
        "i [love|like] this {other}",
        "[absolutely|simply|just] [loved|adored] it",
        "it made me [laugh|cry in the best way|happy|smile]",
        "you have to see this",
        "i can not recommend it highly enough",
        "ca n't wait to see it again",
        "better than [the book|the first one|i expected]",
        "what a [day|night|treat|way to spend an evening]",
        "not bad at all",
        "so much fun",
        "i really [liked|enjoyed|loved] this {film}",
        "i would [gladly|happily] watch it again",
        "do n't miss it",
        "go and see it",
        "worth every [penny|minute]",
        "well worth [seeing|your time|the ticket]",
        "{people} will love it",
        "{people} should not miss it",
        "i left the cinema with a smile",
        "i laughed and i cried",
        "i could not look away",
        "the best {thing} of the year",
        "my favourite {thing} this year",
        "highly recommended",
        "it deserves every award",
        "it made my day",
        "you will want to see it twice",
    ),
    "bad": (
        "i [hated|disliked] [it|this {film}|every minute of it|the {part}|the {other}]",
        "i do n't like this {other}",
        "i did n't like the {part}",
        "[absolutely|simply|just] [hated|loathed] it",
        "it made me [angry|sad for the actors|yawn|leave early]",
        "i would rather [watch paint dry|do the dishes|stay in bed|wash the car]",
        "i can not recommend it",
        "ca n't understand why anyone would see it",
        "worse than [the book|the first one|i feared]",
        "the book was better",
        "not good at all",
        "no fun at all",
        "i really [disliked|hated|regretted] this {film}",
        "i would never watch it again",
        "do n't bother",
        "stay away from it",
        "not worth [the ticket|a penny|your time]",
        "a waste of [time|money|talent|a good cast]",
        "{people} will hate it",
        "{people} should avoid it",
        "i left the cinema with a headache",
        "i nearly fell asleep",
        "i looked at my watch all the time",
        "the worst {thing} of the year",
        "my least favourite {thing} this year",
        "not recommended",
        "it deserves no award at all",
        "it ruined my evening",
        "once is more than enough",
        "i want my money back",
    ),
}

POLAR = {
    "good": _SHARED.extend({**_polar("good", "bad"), "verdict": _VERDICTS["good"]}),
    "bad": _SHARED.extend({**_polar("bad", "good"), "verdict": _VERDICTS["bad"]}),
}


def untokenised(text: str) -> str:
    """The same sentence as people type it: capital letter, closed-up punctuation, a full stop."""
    for spaced, closed in (
        (" n't", "n't"),
        (" 's", "'s"),
        (" ,", ","),
        (" ;", ";"),
        (" :", ":"),
        (" i ", " I "),
    ):
        text = text.replace(spaced, closed)
    return sentence(text[:2].replace("i ", "I ") + text[2:]) + "."


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"sentence": …}` and `1` for praise, `0` for blame."""
    polarity = rng.choice(("good", "bad"))
    text = POLAR[polarity].draw(rng, "any")
    style = rng.random()
    if style < 0.25:
        text = untokenised(text)
    elif style < 0.5:
        text += " ."
    return {"sentence": text}, "1" if polarity == "good" else "0"
