"""Video games: meaning representations and the sentences they stand for, in the style of ViGGO.

The representation lists attributes in free order. The sentence follows from it alone: the dialogue act gives
the frame, the first attribute after the name gives the order of clauses, and single values choose their own
words.
"""

from __future__ import annotations

import random

from training.synthetic.entities import full_name
from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import invented_name, words

_GAMES = words("games")
_SPECIFIERS = _GAMES["specifiers"] + words("film")["good"] + words("film")["bad"]
_STUDIOS = ("Games", "Studios", "Interactive", "Software", "Soft", "Entertainment")
_MONTHS = ("March", "May", "June", "September", "October", "November")
Attributes = dict[str, str]


def title(rng: random.Random) -> str:
    a, b = rng.choice(_GAMES["title_a"]), rng.choice(_GAMES["title_b"])
    kind = rng.random()
    if kind < 0.25:
        return f"{a} {b}"
    if kind < 0.4:
        return invented_name(rng)
    if kind < 0.5:
        return f"{invented_name(rng)} {invented_name(rng)}"
    if kind < 0.58:
        return f"Super {invented_name(rng)} {b}"
    if kind < 0.66:
        return f"The {invented_name(rng)} {rng.choice(('', '2', '3', 'II'))}".strip()
    if kind < 0.72:
        return f"The {a} {b}"
    if kind < 0.8:
        return f"{a} {b} {rng.choice(('II', 'III', '2', '3', '4'))}"
    if kind < 0.9:
        return f"{invented_name(rng)} {b}"
    return f"{b} of {invented_name(rng)}"


def developer(rng: random.Random) -> str:
    if rng.random() < 0.2:
        return invented_name(rng)
    if rng.random() < 0.5:
        return f"{invented_name(rng)} {rng.choice(_STUDIOS)}"
    return full_name(rng) if rng.random() < 0.1 else rng.choice(_GAMES["developers"])


def _sample(rng: random.Random, name: str, most: int) -> str:
    return ", ".join(rng.sample(_GAMES[name], rng.randint(1, most)))


DRAW = {
    "name": title,
    "developer": developer,
    "release_year": lambda rng: str(rng.randint(1985, 2024)),
    "exp_release_date": lambda rng: rng.choice(
        (
            f"{rng.choice(_MONTHS)} {rng.randint(1, 28)}, 2025",
            "2025",
            "2026",
        )
    ),
    "genres": lambda rng: _sample(rng, "genres", 3),
    "player_perspective": lambda rng: _sample(rng, "perspectives", 2),
    "platforms": lambda rng: _sample(rng, "platforms", 3),
    "esrb": lambda rng: rng.choice(_GAMES["ratings_esrb"]),
    "rating": lambda rng: rng.choice(("excellent", "good", "average", "poor")),
    "has_multiplayer": lambda rng: rng.choice(("yes", "no")),
    "available_on_steam": lambda rng: rng.choice(("yes", "no")),
    "has_linux_release": lambda rng: rng.choice(("yes", "no")),
    "has_mac_release": lambda rng: rng.choice(("yes", "no")),
    "specifier": lambda rng: rng.choice(_SPECIFIERS),
}


def listing(value: str) -> str:
    """`a, b, c` as `a, b and c`."""
    *head, last = value.split(", ")
    return f"{', '.join(head)} and {last}" if head else last


def kind_of_game(genres: str) -> str:
    return " ".join(genres.split(", "))


_OPINION = {
    "excellent": ("I enjoyed every minute of it", "excellent"),
    "good": ("I had a lot of fun with it", "good"),
    "average": ("it neither thrilled nor bored me", "average"),
    "poor": ("I regret buying it", "poor"),
}


def _clause(key: str, value: str) -> str:
    """What a sentence beginning with `It` says about one attribute."""
    yes = value == "yes"
    return {
        "developer": f"was developed by {value}",
        "release_year": f"came out in {value}",
        "exp_release_date": f"is expected to be released in {value}",
        "genres": f"is a {kind_of_game(value)} game",
        "player_perspective": f"is played in {listing(value)}",
        "platforms": f"is available on {listing(value)}",
        "esrb": f"is rated {value}",
        "rating": f"gets {value} ratings",
        "has_multiplayer": "has multiplayer" if yes else "has no multiplayer",
        "available_on_steam": "can be found on Steam" if yes else "is not on Steam",
        "has_linux_release": "runs on Linux" if yes else "has no Linux release",
        "has_mac_release": "runs on Mac" if yes else "has no Mac release",
    }[key]


def inform(a: Attributes) -> str:
    name, keys = a["name"], [key for key in a if key != "name"]
    first = keys[0]
    rest = keys[1:]
    if first == "genres" and "developer" in rest:
        opening = f"{name} is a {kind_of_game(a['genres'])} game by {a['developer']}"
        rest.remove("developer")
    elif first == "developer" and "release_year" in rest:
        opening = f"{a['developer']} released {name} in {a['release_year']}"
        rest.remove("release_year")
    elif first == "release_year" and "genres" in rest:
        opening = f"Released in {a['release_year']}, {name} is a {kind_of_game(a['genres'])} game"
        rest.remove("genres")
    else:
        opening = f"{name} {_clause(first, a[first])}"
    sentences = [opening]
    clauses = [_clause(key, a[key]) for key in rest]
    while clauses:
        pair, clauses = clauses[:2], clauses[2:]
        sentences.append("It " + " and ".join(pair))
    return ". ".join(sentences) + "."


def give_opinion(a: Attributes) -> str:
    feeling, word = _OPINION[a["rating"]]
    text = (
        f"{a['name']} is a {word} game"
        if "genres" not in a
        else f"{a['name']} is a {word} {kind_of_game(a['genres'])} game"
    )
    if "developer" in a:
        text += f" by {a['developer']}"
    if "release_year" in a:
        text += f" from {a['release_year']}"
    text += f", {feeling}."
    extra = [
        _clause(key, a[key])
        for key in a
        if key in ("player_perspective", "platforms", "esrb", "has_multiplayer")
    ]
    if extra:
        liked = {
            "excellent": "I love that it",
            "good": "I like that it",
            "average": "I do not mind that it",
            "poor": "It does not help that it",
        }
        text += f" {liked[a['rating']]} {' and '.join(extra)}."
    return text


def recommend(a: Attributes) -> str:
    if "genres" in a:
        return f"Since you like {kind_of_game(a['genres'])} games, have you tried {a['name']}?"
    if "release_year" in a:
        return f"Speaking of games from {a['release_year']}, have you played {a['name']}?"
    if "developer" in a:
        return f"If you like what {a['developer']} makes, you should try {a['name']}."
    return f"You should really give {a['name']} a try."


def request(a: Attributes) -> str:
    spec = a["specifier"]
    if "genres" in a:
        return f"What is the most {spec} {kind_of_game(a['genres'])} game that you know?"
    if "release_year" in a:
        return f"Can you name a {spec} game that came out in {a['release_year']}?"
    if "developer" in a:
        return f"Which {spec} game by {a['developer']} comes to your mind?"
    if "player_perspective" in a:
        return f"Do you know a {spec} game played in {listing(a['player_perspective'])}?"
    return f"What is a {spec} game that you played lately?"


def request_explanation(a: Attributes) -> str:
    feeling = {"excellent": "love", "good": "like", "average": "shrug at", "poor": "dislike"}[a["rating"]]
    if "genres" in a:
        return f"What is it about {kind_of_game(a['genres'])} games that makes you {feeling} them?"
    if "has_multiplayer" in a:
        kind = "with" if a["has_multiplayer"] == "yes" else "without"
        return f"Why do you {feeling} games {kind} multiplayer so much?"
    if "player_perspective" in a:
        return f"What makes you {feeling} games played in {listing(a['player_perspective'])}?"
    return f"Why do you {feeling} games by {a['developer']}?"


def verify_attribute(a: Attributes) -> str:
    said = {"excellent": "loved", "good": "liked", "average": "had mixed feelings about", "poor": "hated"}[
        a["rating"]
    ]
    about = [key for key in a if key not in ("name", "rating")]
    return f"You said that you {said} {a['name']}. Is that because it {_clause(about[0], a[about[0]])}?"


def confirm(a: Attributes) -> str:
    details = [_clause(key, a[key]) for key in a if key != "name"]
    return f"Do you mean {a['name']}, the game that {' and '.join(details)}?"


def suggest(a: Attributes) -> str:
    about = [key for key in a if key != "name"]
    return f"Do you also enjoy games like {a['name']}, which {_clause(about[0], a[about[0]])}?"


_FACTS = (
    "developer",
    "release_year",
    "genres",
    "player_perspective",
    "platforms",
    "esrb",
    "rating",
    "has_multiplayer",
    "available_on_steam",
    "has_linux_release",
    "has_mac_release",
    "exp_release_date",
)
ACTS = {
    # name: sentence, attributes always there, attributes to choose from, fewest and most of them, weight
    "inform": (inform, ("name",), _FACTS, 2, 6, 8),
    "give_opinion": (
        give_opinion,
        ("name", "rating"),
        ("genres", "developer", "release_year", "player_perspective", "platforms", "esrb", "has_multiplayer"),
        1,
        3,
        4,
    ),
    "recommend": (recommend, ("name",), ("genres", "release_year", "developer"), 0, 1, 2),
    "request": (
        request,
        ("specifier",),
        ("genres", "release_year", "developer", "player_perspective"),
        0,
        1,
        2,
    ),
    "request_explanation": (
        request_explanation,
        ("rating",),
        ("genres", "has_multiplayer", "player_perspective", "developer"),
        1,
        1,
        2,
    ),
    "verify_attribute": (
        verify_attribute,
        ("name", "rating"),
        ("genres", "player_perspective", "platforms", "esrb", "has_multiplayer", "available_on_steam"),
        1,
        1,
        2,
    ),
    "confirm": (confirm, ("name",), ("developer", "release_year", "genres", "exp_release_date"), 1, 2, 2),
    "suggest": (
        suggest,
        ("name",),
        ("genres", "player_perspective", "platforms", "has_multiplayer", "available_on_steam"),
        1,
        1,
        2,
    ),
}
_NAMES = [name for name, act in ACTS.items() for _ in range(act[-1])]


def attributes(
    rng: random.Random, always: tuple[str, ...], choice: tuple[str, ...], fewest: int, most: int
) -> Attributes:
    optional = rng.sample(choice, rng.randint(fewest, most))
    if "release_year" in optional and "exp_release_date" in optional:
        optional.remove("exp_release_date")
    if len(optional) < fewest:
        optional.append(next(key for key in choice if key not in (*optional, "exp_release_date")))
    return {key: DRAW[key](rng) for key in (*always, *optional)}


def representation(act: str, a: Attributes) -> str:
    return f"{act}({', '.join(f'{key}[{value}]' for key, value in a.items())})"


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"meaning_representation": …}` and its sentence."""
    act = rng.choice(_NAMES)
    say, always, choice, fewest, most, _ = ACTS[act]
    a = attributes(rng, always, choice, fewest, most)
    return {"meaning_representation": representation(act, a)}, with_articles(sentence(say(a)))
