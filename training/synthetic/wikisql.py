# ruff: noqa: E501 (a column is one line)
"""Tables, questions about them, and the SQL that answers, in the style of WikiSQL.

A question names every column that it needs by the column's name or another word for it, and every value as the
query spells it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from training.synthetic.entities import city, club, company, contest, country, full_name, institution
from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import invented_name, words
from training.synthetic.viggo import title

_NEWS, _FOOD = words("news"), words("food")


def _one(*options: str) -> Callable[[random.Random], str]:
    return lambda rng: rng.choice(options)


def _number(low: int, high: int) -> Callable[[random.Random], str]:
    return lambda rng: str(rng.randint(low, high))


def _date(rng: random.Random) -> str:
    return f"{rng.choice(_NEWS['months'])} {rng.randint(1, 28)}, {rng.randint(1950, 2023)}"


@dataclass(frozen=True)
class Column:
    """`nouns` are the words by which questions call the column; `ask` replaces `what is the …` where it can."""

    name: str
    draw: Callable[[random.Random], str]
    nouns: tuple[str, ...]
    number: bool = False
    ask: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return "real" if self.number else "text"


def _text(name: str, draw: Callable[[random.Random], str], *nouns: str, ask: tuple[str, ...] = ()) -> Column:
    return Column(name, draw, (name.lower(), *nouns), ask=ask)


def _real(name: str, low: int, high: int, *nouns: str) -> Column:
    return Column(name, _number(low, high), (name.lower(), *nouns), number=True)


_YEAR = _real("Year", 1900, 2024)
_DATE = _text("Date", _date, "day", ask=("when was it",))
_COUNTRY = _text("Country", country, "nation")
_CITY = _text("City", city, "town")
DOMAINS = (
    (_CITY, _COUNTRY, _text("Mayor", full_name, "head of the city", ask=("who is the mayor", "who governs the place")), _real("Population", 800, 99000, "number of people"), _real("Area", 5, 900, "size"), _text("River", invented_name), _real("Founded", 900, 1990, "founding year")),
    (_text("Team", club, "club"), _text("Opponent", club, "rival", "opposing side"), _text("Stadium", lambda rng: f"{invented_name(rng)} Park", "ground", "venue"), _real("Goals", 0, 9), _real("Attendance", 900, 80000, "number of spectators", "crowd"), _text("Result", _one("win", "loss", "draw"), "outcome"), _DATE, _real("Week", 1, 38)),
    (_text("Player", full_name, "athlete", ask=("who is the player", "who played")), _text("Position", _one("goalkeeper", "defender", "midfielder", "forward", "guard", "centre"), "role"), _text("Club", club, "team"), _text("College", institution, "school"), _real("Age", 17, 40), _real("Caps", 0, 120, "number of matches"), _real("Height", 165, 215), _real("Number", 1, 99, "shirt number")),
    (_text("Title", title, "film", "name of the film"), _text("Director", full_name, "film maker", ask=("who directed it", "who is the director")), _text("Studio", company, "producer"), _YEAR, _text("Genre", _one("comedy", "drama", "thriller", "western", "musical", "horror"), "kind of film"), _real("Length", 60, 240, "running time"), _text("Language", lambda rng: rng.choice(words("places")["nationalities"]))),
    (_text("Candidate", full_name, "politician", ask=("who was the candidate", "who ran")), _text("Party", _one("Liberal", "Green", "Labour", "Centre", "Reform", "Unity"), "political group"), _text("District", city, "constituency"), _real("Votes", 100, 99000, "number of votes"), _real("Seats", 1, 300), _YEAR, _text("Status", _one("elected", "re-elected", "lost", "retired"))),
    (_text("Ship", title, "vessel"), _text("Builder", company, "shipyard"), _text("Port", city, "harbour"), _real("Launched", 1850, 2020, "launch year"), _real("Length", 20, 380), _real("Crew", 3, 900, "number of sailors"), _text("Captain", full_name, "commander", ask=("who is the captain", "who commands it")), _COUNTRY),
    (_text("Driver", full_name, "racer", ask=("who is the driver", "who drove")), _text("Constructor", company, "car maker"), _text("Race", contest, "grand prix"), _real("Laps", 10, 90, "number of laps"), _real("Grid", 1, 24, "starting place"), _real("Points", 0, 99), _text("Circuit", city, "track"), _text("Reason", _one("engine", "collision", "gearbox", "fuel", "finished"), "cause")),
    (_text("Song", title, "track"), _text("Artist", full_name, "singer", ask=("who sings it", "who is the artist")), _text("Album", title, "record"), _text("Label", company, "record company"), _YEAR, _real("Rank", 1, 100, "chart place"), _real("Weeks", 1, 52, "number of weeks")),
    (_text("Episode", title, "part"), _text("Writer", full_name, "author", ask=("who wrote it", "who is the writer")), _text("Air date", _date, "first showing"), _real("Season", 1, 15), _real("Viewers", 100, 9900, "audience"), _text("Channel", company, "broadcaster")),
    (_text("Mountain", lambda rng: f"Mount {invented_name(rng)}", "peak"), _text("Range", lambda rng: f"{invented_name(rng)} Hills", "chain"), _real("Elevation", 300, 8800, "altitude"), _text("First climber", full_name, "person who climbed it first"), _YEAR, _COUNTRY),
    (_text("School", institution, "college"), _CITY, _text("Nickname", lambda rng: f"{invented_name(rng)}s", "team name"), _real("Enrollment", 90, 45000, "number of students"), _real("Founded", 1500, 2010, "founding year"), _text("Colours", _one("red and white", "blue and gold", "green and black", "purple and grey"), "school colours"), _text("President", full_name, "head", ask=("who is the president",))),
    (_text("Restaurant", invented_name, "place to eat"), _text("Chef", full_name, "cook", ask=("who is the chef", "who cooks")), _text("Cuisine", lambda rng: rng.choice(_FOOD["cuisines"]), "kind of food"), _real("Stars", 0, 5), _real("Seats", 10, 200, "number of places"), _CITY, _real("Opened", 1950, 2024, "opening year")),
    (_text("Company", company, "firm"), _text("Chairman", full_name, "head", ask=("who is the chairman", "who runs it")), _text("Headquarters", city, "seat"), _real("Employees", 10, 99000, "number of workers", "staff"), _real("Revenue", 2, 900, "income"), _text("Product", lambda rng: rng.choice(_NEWS["commodities"]), "main goods"), _COUNTRY),
    (_text("Train", lambda rng: f"{invented_name(rng)} Express", "service"), _text("Start", city, "first station", "origin"), _text("Destination", city, "last station"), _real("Distance", 10, 990, "length of the line"), _real("Speed", 40, 320), _real("Stops", 1, 60, "number of stops"), _text("Operator", company, "railway company")),
)  # fmt: skip

_AGGREGATES = {
    "MAX": ("what is the highest {}", "what is the largest {}", "tell me the maximum {}"),
    "MIN": ("what is the lowest {}", "what is the smallest {}", "tell me the minimum {}"),
    "AVG": ("what is the average {}", "tell me the mean {}"),
    "SUM": ("what is the total {}", "what is the sum of the {}"),
    "COUNT": ("how many entries of {} are there", "count the {}", "how often is a {} listed"),
}
_PLAIN = (
    "what is the {}",
    "which {} is it",
    "tell me the {}",
    "what {} is listed",
    "name the {}",
    "give the {}",
)
_ORDERS = ("tell", "name", "give", "count")
_COMPARED = {
    "=": ("of {}", "equal to {}", "of exactly {}"),
    ">": ("of more than {}", "over {}", "larger than {}", "above {}"),
    "<": ("of less than {}", "under {}", "smaller than {}", "below {}"),
}


@dataclass(frozen=True)
class Condition:
    column: Column
    operator: str
    value: str

    def sql(self) -> str:
        value = self.value if self.column.number else f"'{self.value}'"
        return f"{self.column.name} {self.operator} {value}"

    def said(self, rng: random.Random) -> str:
        noun = rng.choice(self.column.nouns)
        if self.column.number:
            return f"{noun} {rng.choice(_COMPARED[self.operator]).format(self.value)}"
        return rng.choice(
            (f"{self.value} as {noun}", f"the {noun} {self.value}", f"{self.value} as the {noun}")
        )


def _condition(rng: random.Random, column: Column) -> Condition:
    operator = rng.choice("=><") if column.number else "="
    return Condition(column, operator, column.draw(rng))


def _selection(rng: random.Random, column: Column) -> tuple[str, str]:
    """What to select, in SQL and in words."""
    if rng.random() < (0.5 if column.number else 0.15):
        aggregate = rng.choice(("MAX", "MIN", "AVG", "SUM")) if column.number else "COUNT"
        return f"{aggregate}({column.name})", rng.choice(_AGGREGATES[aggregate]).format(
            rng.choice(column.nouns)
        )
    if column.ask and rng.random() < 0.5:
        return column.name, rng.choice(column.ask)
    return column.name, rng.choice(_PLAIN).format(rng.choice(column.nouns))


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"table": …, "question": …}` and the query; `table` is JSON with the header and the columns' types."""
    domain = rng.choice(DOMAINS)
    columns = rng.sample(domain, rng.randint(3, min(6, len(domain))))
    table = json.dumps(
        {"header": [each.name for each in columns], "types": [each.type for each in columns]},
        ensure_ascii=False,
    )
    selected, *others = rng.sample(columns, 3)
    conditions = [_condition(rng, each) for each in others[: 1 if rng.random() < 0.65 else 2]]
    sql, asked = _selection(rng, selected)
    where = " and ".join(each.said(rng) for each in conditions)
    question = rng.choice(
        (f"{asked} with {where}", f"for {where}, {asked}", f"{asked} where we find {where}")
    )
    mark = "." if asked.startswith(_ORDERS) else "?"
    return (
        {"table": table, "question": with_articles(sentence(question + mark))},
        f"SELECT {sql} FROM table WHERE {' AND '.join(each.sql() for each in conditions)}",  # noqa: S608
    )
