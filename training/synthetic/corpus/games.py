"""Video games: cards with a description below, plain descriptions, and talk about them."""

from __future__ import annotations

import random

from training.synthetic.grammar import Grammar, sentence, with_articles
from training.synthetic.lexicon import words
from training.synthetic.viggo import DRAW, kind_of_game, listing, title

_LABELS = {
    "developer": ("Developer", "Made by"),
    "release_year": ("Year", "Released"),
    "genres": ("Genre", "Kind"),
    "player_perspective": ("View", "Perspective"),
    "platforms": ("Platforms", "Runs on"),
    "esrb": ("Age", "Rated"),
    "has_multiplayer": ("Multiplayer", "Play together"),
    "available_on_steam": ("Steam", "On Steam"),
    "has_linux_release": ("Linux", "Linux version"),
    "has_mac_release": ("Mac", "Mac version"),
}


def _says(rng: random.Random, key: str, value: str) -> str:
    yes = value == "yes"
    return rng.choice(
        {
            "developer": (f"it was developed by {value}", f"{value} made it", f"it comes from {value}"),
            "release_year": (
                f"it came out in {value}",
                f"it was released in {value}",
                f"it dates from {value}",
            ),
            "genres": (f"it is a {kind_of_game(value)} game", f"it belongs to the {listing(value)} games"),
            "player_perspective": (
                f"it is played in {listing(value)}",
                f"you see the world in {listing(value)}",
            ),
            "platforms": (f"it is available on {listing(value)}", f"you can play it on {listing(value)}"),
            "esrb": (f"it is rated {value}", f"its rating is {value}"),
            "has_multiplayer": ("it has multiplayer", "you can play with friends")
            if yes
            else ("it has no multiplayer", "you play alone"),
            "available_on_steam": ("it can be found on Steam", "Steam sells it")
            if yes
            else ("it is not on Steam", "Steam does not sell it"),
            "has_linux_release": ("it runs on Linux",) if yes else ("it has no Linux release",),
            "has_mac_release": ("it runs on Mac",) if yes else ("it has no Mac release",),
        }[key]
    )


_TALK = Grammar(
    {
        "name": title,
        "spec": words("games")["specifiers"],
        "genre": words("games")["genres"],
        "year": lambda rng: str(rng.randint(1985, 2024)),
        "developer": DRAW["developer"],
        "line": (
            "Have you played {name}? It is a {spec} {genre} game.",
            "I think that {name} is [excellent|good|average|poor].",
            "My brother says that {name} is the most {spec} game of {year}.",
            "Which {spec} game do you like? I like {name} by {developer}.",
            "Since {year} I have played nothing but {genre} games.",
            "{developer} should make another {genre} game like {name}.",
            "You said that {name} was {spec}. I found it {spec}.",
            "Why do you like {genre} games? They are {spec}.",
            "What is it about {name} that makes people [love|like|dislike] it?",
            "Do you also enjoy games like {name}? I regret buying it.",
            "I had a lot of fun with {name}, but it neither thrilled nor bored me.",
            "Speaking of {year}, I still love {name}.",
            "You should really give {name} a try.",
        ),
    }
)


def document(rng: random.Random) -> str:
    if rng.random() < 0.25:
        return "\n".join(_TALK.draw(rng, "line") for _ in range(rng.randint(2, 5)))
    name, keys = title(rng), rng.sample(sorted(_LABELS), rng.randint(2, 6))
    values = {key: DRAW[key](rng) for key in keys}
    clauses = [_says(rng, key, value) for key, value in values.items()]
    text = f"{name} is a {rng.choice(words('games')['specifiers'])} game."
    while clauses:
        pair, clauses = clauses[: rng.choice((1, 2))], clauses[2:]
        text += " " + sentence(" and ".join(pair)) + "."
    text = with_articles(text)
    if rng.random() < 0.35:
        return text
    style = rng.randint(0, 1)
    card = "\n".join([f"Game: {name}", *(f"{_LABELS[key][style]}: {value}" for key, value in values.items())])
    return f"{card}\n\n{text}" if rng.random() < 0.75 else card
