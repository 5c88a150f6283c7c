# ruff: noqa: E501 (a template is one line)
"""Short passages full of names and numbers, and questions about them, in the style of DROP.

Most answers are spans of the passage; the others count, compare, or subtract numbers of two digits.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from training.synthetic.entities import city, country, full_name
from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import invented_name, words

_NEWS = words("news")
_QUARTERS = ("first", "second", "third", "fourth")
_PLAYS = ("field goal", "touchdown run", "touchdown pass")
_TEAMS = tuple(name for name in _NEWS["club_tails"] if name.endswith("s"))
_GROUPS = ("farmers", "teachers", "sailors", "weavers", "miners", "students", "clerks", "bakers", "builders")
_PARTIES = ("Liberal", "Green", "Labour", "Centre", "Reform", "Unity", "National", "Farmers'")


@dataclass(frozen=True)
class Question:
    text: str
    answer: str


def _distinct(rng: random.Random, draw: Callable[[random.Random], str], count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        if (one := draw(rng)) not in found:
            found.append(one)
    return found


def _compared(rng: random.Random, named: dict[str, int], more: str, less: str) -> Question:
    """Which of two is more (or less); `more` and `less` are templates with `{a}` and `{b}`."""
    (a, first), (b, second) = rng.sample(sorted(named.items()), 2)
    if rng.random() < 0.5:
        return Question(more.format(a=a, b=b), a if first > second else b)
    return Question(less.format(a=a, b=b), a if first < second else b)


def game(rng: random.Random) -> tuple[str, list[Question]]:
    """A game of American football, play by play."""
    teams = _distinct(
        rng, lambda rng: rng.choice(_TEAMS) if rng.random() < 0.5 else f"{invented_name(rng).rstrip('s')}s", 2
    )
    count = rng.randint(2, 5)
    players, yards = _distinct(rng, full_name, count), rng.sample(range(2, 60), count)
    quarters = sorted(rng.randrange(4) for _ in range(count))
    plays = [rng.choice(_PLAYS) for _ in range(count)]
    sides = [rng.choice(teams) for _ in range(count)]
    told, points = [], dict.fromkeys(teams, 0)
    for player, yard, quarter, play, team in zip(players, yards, quarters, plays, sides, strict=True):
        points[team] += 3 if play == "field goal" else 7
        told.append(
            rng.choice(
                (
                    f"In the {_QUARTERS[quarter]} quarter, {player} made a {yard}-yard {play} for the {team}.",
                    f"The {team} scored in the {_QUARTERS[quarter]} quarter with a {yard}-yard {play} by {player}.",
                    f"A {yard}-yard {play} by {player} of the {team} followed in the {_QUARTERS[quarter]} quarter.",
                )
            )
        )
    at = rng.randrange(count)
    asked = [
        Question(f"Who made the {yards[at]}-yard {plays[at]}?", players[at]),
        Question(f"How many yards was the {plays[at]} by {players[at]}?", str(yards[at])),
        Question(f"For which team did {players[at]} score?", sides[at]),
        Question(f"How many {rng.choice(('touchdowns', 'field goals'))} were there in the game?", ""),
        _compared(
            rng,
            dict(zip(players, yards, strict=True)),
            "Who made the longer play, {a} or {b}?",
            "Who made the shorter play, {a} or {b}?",
        ),
    ]
    counted = "touchdown" if "touchdowns" in asked[3].text else "field goal"
    asked[3] = Question(asked[3].text, str(sum(play.startswith(counted) for play in plays)))
    if quarters.count(quarters[at]) == 1:
        asked.append(
            Question(f"Who scored in the {_QUARTERS[quarters[at]]} quarter of the game?", players[at])
        )
    first, second = teams
    if points[first] != points[second]:
        winner, loser = (first, second) if points[first] > points[second] else (second, first)
        told.append(f"The {winner} beat the {loser} {points[winner]} to {points[loser]}.")
        asked += [
            Question("Which team won the game?", winner),
            Question("Which team lost the game?", loser),
            Question(f"How many points did the {loser} score?", str(points[loser])),
        ]
    where = rng.choice(
        (f"The {first} met the {second} in {city(rng)}.", f"The {first} played the {second} at home.")
    )
    return " ".join([where, *told]), asked


def shares(rng: random.Random) -> tuple[str, list[Question]]:
    """Percentages of the people of a town."""
    town, year = city(rng), rng.randint(1800, 2020)
    groups = rng.sample(_GROUPS, rng.randint(2, 4))
    percents = rng.sample(range(3, 24), len(groups))
    told = [f"{percent}% were {group}" for group, percent in zip(groups, percents, strict=True)]
    people = rng.randint(11, 99) * 100
    text = (
        f"In {year} there were {people:,} people in {town}. Of these, {', '.join(told[:-1])} and {told[-1]}. "
        + rng.choice(
            (
                f"Most houses were built of {rng.choice(('brick', 'wood', 'stone', 'clay'))}.",
                "The rest had other work.",
            )
        )
    )
    at = rng.randrange(len(groups))
    return text, [
        Question(f"What percent of the people were {groups[at]}?", str(percents[at])),
        Question(f"How many percent of the people were not {groups[at]}?", str(100 - percents[at])),
        Question(f"Which group made up {percents[at]}% of the people?", groups[at]),
        Question(f"In which year were there {people:,} people in {town}?", str(year)),
        Question(f"How many people lived in {town} in {year}?", f"{people:,}"),
        _compared(
            rng,
            dict(zip(groups, percents, strict=True)),
            "Which group was larger, {a} or {b}?",
            "Which group was smaller, {a} or {b}?",
        ),
    ]


def election(rng: random.Random) -> tuple[str, list[Question]]:
    """Candidates, parties and seats."""
    count = rng.randint(2, 4)
    names, parties = _distinct(rng, full_name, count), rng.sample(_PARTIES, count)
    seats = rng.sample(range(5, 99), count)
    land, year = country(rng), rng.randint(1850, 2023)
    told = [
        rng.choice(
            (
                f"The {party} Party of {name} won {seat} seats.",
                f"{name} led the {party} Party to {seat} seats.",
                f"With {name} as its leader, the {party} Party took {seat} seats.",
            )
        )
        for name, party, seat in zip(names, parties, seats, strict=True)
    ]
    at = rng.randrange(count)
    text = f"{land} held an election in {year}. {' '.join(told)}"
    return text, [
        Question(f"Who led the {parties[at]} Party?", names[at]),
        Question(f"Which party did {names[at]} lead?", f"{parties[at]} Party"),
        Question(f"How many seats did the {parties[at]} Party win?", str(seats[at])),
        Question(f"Which party won {seats[at]} seats?", f"{parties[at]} Party"),
        Question(f"How many parties won seats in {year}?", str(count)),
        Question("In which year was the election?", str(year)),
        _compared(
            rng,
            {f"the {party} Party": seat for party, seat in zip(parties, seats, strict=True)},
            "Which party won more seats, {a} or {b}?",
            "Which party won fewer seats, {a} or {b}?",
        ),
    ]


def voyage(rng: random.Random) -> tuple[str, list[Question]]:
    """An expedition: years, men, ships and places."""
    leader, nation = full_name(rng), rng.choice(words("places")["nationalities"])
    stops = _distinct(rng, city, rng.randint(2, 3))
    year, gap = rng.randint(1480, 1900), rng.randint(2, 19)
    men, ships = rng.randint(21, 99), rng.randint(2, 12)
    later = rng.randint(5, men - 4)
    text = (
        f"In {year} the {nation} captain {leader} left {stops[0]} with {ships} ships and {men} men. "
        f"The fleet reached {stops[1]} in {year + gap}, when {later} men were left."
    )
    asked = [
        Question("Who was the captain?", leader),
        Question("From where did the captain leave?", stops[0]),
        Question(f"When did the captain leave {stops[0]}?", str(year)),
        Question(f"In which year did the fleet reach {stops[1]}?", str(year + gap)),
        Question(f"How many ships left {stops[0]}?", str(ships)),
        Question(f"How many men left {stops[0]}?", str(men)),
        Question(f"How many men were left in {stops[1]}?", str(later)),
        Question(f"How many years after leaving {stops[0]} did the fleet reach {stops[1]}?", str(gap)),
        Question("How many men were lost on the way?", str(men - later)),
    ]
    if len(stops) > 2:
        text += f" {rng.choice(('Bad weather', 'A storm', 'Hunger', 'A long winter'))} forced them to return to {stops[2]}."
        asked.append(Question("To which place were they forced to return?", stops[2]))
    return text, asked


def landmarks(rng: random.Random) -> tuple[str, list[Question]]:
    """Heights and dates of buildings."""
    kind = rng.choice(("tower", "bridge", "castle", "lighthouse", "cathedral", "dam", "gate"))
    names = [f"{name} {kind.capitalize()}" for name in _distinct(rng, invented_name, rng.randint(2, 3))]
    heights, years = rng.sample(range(12, 99), len(names)), rng.sample(range(1500, 2000), len(names))
    architects = _distinct(rng, full_name, len(names))
    told = [
        rng.choice(
            (
                f"The {name}, {height} metres high, was built by {architect} in {year}.",
                f"In {year} {architect} built the {name}, which is {height} metres high.",
                f"The {name} of {year} is a work of {architect} and rises {height} metres.",
            )
        )
        for name, height, year, architect in zip(names, heights, years, architects, strict=True)
    ]
    at = rng.randrange(len(names))
    text = f"{city(rng)} has {len(names)} old {kind}s. {' '.join(told)}"
    by_name = {f"the {name}": height for name, height in zip(names, heights, strict=True)}
    return text, [
        Question(f"Who built the {names[at]}?", architects[at]),
        Question(f"How high is the {names[at]} in metres?", str(heights[at])),
        Question(f"When was the {names[at]} built?", str(years[at])),
        Question(f"What did {architects[at]} build?", f"the {names[at]}"),
        Question(f"Which {kind} is {heights[at]} metres high?", f"the {names[at]}"),
        _compared(
            rng,
            by_name,
            "Which is higher, {a} or {b}?",
            "Which is lower, {a} or {b}?",
        ),
    ]


KINDS = (game, game, shares, election, voyage, landmarks)


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"passage": …, "question": …}` and the answer."""
    text, asked = rng.choice(KINDS)(rng)
    question = rng.choice(asked)
    return {"passage": with_articles(sentence(text)), "question": question.text}, question.answer
