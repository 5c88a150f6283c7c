# ruff: noqa: E501 (a template is one line)
"""Encyclopaedia articles, title and body, with the class that DBpedia would file them under.

The noun after "is a" decides. What follows may name things of other classes: an actress's films, the novel
behind a film, the village in which a factory stands.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from training.synthetic.entities import city, club, company, country, first_name, full_name
from training.synthetic.grammar import Grammar, sentence
from training.synthetic.lexicon import invented_name, invented_word, words
from training.synthetic.viggo import title as work_title

_WORDS = words("articles")
_PLACES, _NEWS = words("places"), words("news")


def latin_name(rng: random.Random) -> str:
    """A species name of two words that nobody has given."""
    stem = invented_word(rng).rstrip("aeiou")
    return f"{stem.capitalize()}{rng.choice(('us', 'a', 'ia', 'is'))} {invented_word(rng)}{rng.choice(('ensis', 'ata', 'us', 'a', 'i'))}"


def _span(rng: random.Random, joint: str) -> str:
    start = rng.randint(1820, 1960)
    return f"{start}{joint}{start + rng.randint(3, 60)}"


_GRAMMAR = Grammar(
    {
        "person": full_name,
        "first": first_name,
        "odd": invented_name,
        "city": city,
        "country": country,
        "company": company,
        "club": club,
        "work": work_title,
        "latin": latin_name,
        "nation": _PLACES["nationalities"],
        "sport": _NEWS["sports"],
        "goods": _NEWS["commodities"],
        "event": _NEWS["contests"],
        "month": _NEWS["months"],
        "genre": ("rock", "jazz", "folk", "pop", "soul", "country", "electronic", "punk", "blues", "metal"),
        "year": lambda rng: str(rng.randint(1820, 2022)),
        "recent": lambda rng: str(rng.randint(1925, 2022)),
        "span": lambda rng: _span(rng, " - "),
        "span_in_words": lambda rng: "from " + _span(rng, " to "),
        "count": lambda rng: str(rng.randint(12, 980)),
        "nth": ("first", "second", "third", "fourth", "fifth", "sixth", "seventh"),
        "topic": words("film")["topics"],
        **{name: listing for name, listing in _WORDS.items() if name != "families"},
        "in_place": ("in {city}", "in {country}", "in {city}, {country}", "in the {quarters} of {country}"),
    }
)
_PRONOUNS = (
    _GRAMMAR.extend({"he": ("he",), "his": ("his",), "He": ("He",), "His": ("His",)}),
    _GRAMMAR.extend({"he": ("she",), "his": ("her",), "He": ("She",), "His": ("Her",)}),
)
_ANY = ("It is mentioned in a [book|report|magazine] of {year}.", "It is named after {person}.")


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of articles: how titles come about, first sentences with TITLE, and sentences that may follow."""

    title: Callable[[random.Random], str]
    openings: tuple[str, ...]
    sequels: tuple[str, ...]


def _of(template: str) -> Callable[[random.Random], str]:
    return lambda rng: _GRAMMAR.expand(rng, template)


KINDS: dict[str, Kind] = {
    "Company": Kind(
        company,
        (
            "TITLE is a {nation} {companies} based in {city}.",
            "TITLE is a {companies} {in_place}[| that was founded in {year}].",
            "TITLE, founded by {person} in {year}, is a {companies} {in_place}.",
            "Founded in {year}, TITLE is one of the oldest {nation} firms and works as a {companies}.",
        ),
        (
            "It employs {count} people.",
            "The firm sells {goods} and {goods} in {count} towns.",
            "In {year} it bought {company}.",
            "Its headquarters stand next to the {buildings} of {city}.",
            "It was owned by {person} until {year}.",
            *_ANY,
        ),
    ),
    "EducationalInstitution": Kind(
        _of("[University of {city}|{odd} College|{city} {odd} School|{odd} Academy|{odd} Institute|{odd}]"),
        (
            "TITLE is a {nation} {schools} in {city}.",
            "TITLE is a {schools} {in_place}[| with {count} students].",
            "TITLE, opened in {year}, is a {schools} for [boys|girls|boys and girls|adults] {in_place}.",
            "Established in {year}, TITLE is a [public|private] {schools} {in_place}.",
        ),
        (
            "It has {count} students and teaches {sport}.",
            "The {artists} {person} studied there.",
            "Its main hall was a {buildings} before {year}.",
            "{person} has been its head since {year}.",
            *_ANY,
        ),
    ),
    "Artist": Kind(
        full_name,
        (
            "TITLE ([born {year}|{span}]) [is|was] a {nation} {artists}.",
            "TITLE is a {artists} from {city}.",
            "Born in {city}, TITLE was a {nation} {artists} and {artists}.",
            "TITLE, born in {month} {year}, is a {nation} {artists}.",
        ),
        (
            "{work} is {his} best known work.",
            "{He} studied at the University of {city}.",
            "{He} lived near a {natural_places} in {country}.",
            "{His} father was a {officials}.",
            "In {year} {he} won the {event}.",
        ),
    ),
    "Athlete": Kind(
        full_name,
        (
            "TITLE (born {year}) is a {nation} {athletes}[| who plays for {club}].",
            "TITLE is a former {athletes} from {country}.",
            "TITLE, born in {month} {year}, is a {nation} {athletes}.",
            "Born in {city}, TITLE is a {nation} {athletes} who competed at the {event}.",
        ),
        (
            "{He} joined {club} in {year}.",
            "{He} won the {event} in {year}.",
            "{His} brother is a {artists}.",
            "{He} scored {count} points for {club}.",
            "A {schools} in {city} bears {his} name.",
        ),
    ),
    "OfficeHolder": Kind(
        full_name,
        (
            "TITLE (born {year}) is a {nation} {officials}.",
            "TITLE was a {nation} {officials} who served {span_in_words}.",
            "TITLE is a {officials} from {city}, {country}.",
            "Born in {city}, TITLE is a {nation} {officials} and has held office since {year}.",
        ),
        (
            "{He} was elected in {year} with {count} votes more than {person}.",
            "Before that {he} taught at a {schools}.",
            "{He} was followed in office by {person}.",
            "{His} sister {first} is a {athletes}.",
            "{He} opened the {buildings} of {city}.",
        ),
    ),
    "MeanOfTransportation": Kind(
        _of("[{odd} {count}|{company} {odd}|HMS {odd}|{odd} class|{odd}]"),
        (
            "TITLE [is|was] a {vehicles} built by {company}.",
            "The TITLE is a {nation} {vehicles} of {year}.",
            "TITLE was a {vehicles} that served in {country} {span_in_words}.",
            "The TITLE is a {vehicles} designed by {person} {in_place}.",
        ),
        (
            "Only {count} of them were made.",
            "It could carry {count} people.",
            "It was sold to {company} in {year}.",
            "It was shown in the film {work}.",
            "It was built near a {natural_places}.",
            *_ANY,
        ),
    ),
    "Building": Kind(
        _of("[{odd} House|{odd} Hall|Old {odd}|{odd} Place|{odd} of {city}|{odd}]"),
        (
            "TITLE is a {buildings} {in_place}.",
            "TITLE is a historic {buildings} in {city}, built in {year}.",
            "TITLE, designed by {person}, is a {buildings} {in_place}.",
            "Built in {year} for {person}, TITLE is a {nation} {buildings}.",
        ),
        (
            "It has {count} windows.",
            "It was home to the {artists} {person}.",
            "A {schools} used it until {year}.",
            "It burned down in {year} and was built anew.",
            "{company} bought it in {year}.",
            *_ANY,
        ),
    ),
    "NaturalPlace": Kind(
        _of("[{odd}|Great {odd}|Little {odd}|{odd} Point|{odd} of the {quarters}]"),
        (
            "TITLE is a {natural_places} {in_place}.",
            "TITLE is a {natural_places} in the {odd} {districts} of {country}.",
            "TITLE, also called {odd}, is a {natural_places} {in_place}.",
            "Lying {count} km from {city}, TITLE is a {natural_places} in {country}.",
        ),
        (
            "It is {count} metres above the sea.",
            "A {buildings} stands near it.",
            "It was first described by {person} in {year}.",
            "A rare {animals} lives there.",
            "The nearest {villages} is {odd}.",
            *_ANY,
        ),
    ),
    "Village": Kind(
        _of("[{odd}|{odd}|{odd}, {country}|{odd} {odd}]"),
        (
            "TITLE is a {villages} in the {odd} {districts} of {country}.",
            "TITLE is a {villages} {in_place}.",
            "TITLE is a {villages} in the {quarters} of {country} with {count} people.",
            "Situated near {city}, TITLE is a {villages} in {odd} {districts}.",
        ),
        (
            "In {year} its population was {count}.",
            "It lies {count} km from {city}.",
            "There is a {buildings} of {year}.",
            "The {athletes} {person} was born there.",
            "A {natural_places} lies to the {quarters}.",
        ),
    ),
    "Animal": Kind(
        _of("[{latin}|{latin}|{epithets} {odd}]"),
        (
            "TITLE is a species of {animals} in the family {odd}idae.",
            "TITLE is a {animals} found in {country}.",
            "The TITLE, also called the {epithets} {odd}, is a {animals} of {country}.",
            "TITLE is a genus of {animals} described by {person} in {year}.",
        ),
        (
            "It lives in {habitats}.",
            "It feeds on the leaves of a {plants}.",
            "It is {count} millimetres long.",
            "It was first found near {city} in {year}.",
            "It lives near a {natural_places}.",
        ),
    ),
    "Plant": Kind(
        _of("[{latin}|{latin}|{epithets} {odd}]"),
        (
            "TITLE is a species of {plants} in the family {odd}aceae.",
            "TITLE is a {plants} found in {country}.",
            "The TITLE, also called the {epithets} {odd}, is a {plants} of {country}.",
            "TITLE is a genus of {plants} described by {person} in {year}.",
        ),
        (
            "It grows in {habitats}.",
            "It is eaten by a {animals}.",
            "It is {count} centimetres high.",
            "It was first found near {city} in {year}.",
            "It grows on the shore of a {natural_places}.",
        ),
    ),
    "Album": Kind(
        work_title,
        (
            "TITLE is the {nth} {albums} by the {nation} {artists} {person}.",
            "TITLE is a {albums} by {person}[|, released in {month} {recent}].",
            "TITLE, released in {recent}, is a {genre} {albums} by {person}.",
            "Recorded in {city}, TITLE is the {nth} {albums} of the {genre} band {odd}.",
        ),
        (
            "It was produced by {person}.",
            "It has {nth} place in a list of {genre} records.",
            "One of its songs was used in the film {work}.",
            "It was recorded in a {buildings}.",
            "{company} released it again in {recent}.",
        ),
    ),
    "Film": Kind(
        work_title,
        (
            "TITLE is a {recent} {nation} {films} directed by {person}.",
            "TITLE is a {films} about {topic}[|, released in {recent}].",
            "TITLE, starring {person} and {person}, is a {nation} {films}.",
            "Shot in {city}, TITLE is a {recent} {films} with {person}.",
        ),
        (
            "It is based on a novel by {person}.",
            "The music is by the {artists} {person}.",
            "It was filmed in a {buildings} near {city}.",
            "It stars {person}.",
            "It won the {event} in {recent}.",
        ),
    ),
    "WrittenWork": Kind(
        work_title,
        (
            "TITLE is a {writings} by {person}[|, published in {year}].",
            "TITLE is a {nation} {writings} about {topic}.",
            "TITLE, written by {person} in {city}, is a {writings}.",
            "First published in {year}, TITLE is a {nation} {writings}.",
        ),
        (
            "It was made into a film by {person}.",
            "It is about {topic}.",
            "It was printed by {company}.",
            "It was translated by {person} in {year}.",
            "It tells of a {athletes} and a {artists}.",
        ),
    ),
}


def article(rng: random.Random, kind: str, most: int = 2) -> tuple[str, str]:
    """Title and body of an article of the class, with up to `most` sentences after the first."""
    of = KINDS[kind]
    title = sentence(of.title(rng))
    templates = [rng.choice(of.openings), *rng.sample(of.sequels, rng.randint(0, most))]
    grammar = rng.choice(_PRONOUNS)
    body = " ".join(sentence(grammar.expand(rng, template)) for template in templates)
    return title, body.replace("TITLE", title)


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"title": …, "content": …}` and the name of the class."""
    kind = rng.choice(tuple(KINDS))
    title, body = article(rng, kind)
    return {"title": title, "content": body}, kind
