"""Restaurants: guides, cards with a description below, and talk at the table."""

from __future__ import annotations

import random

from training.synthetic.e2e_nlg import DRAW, restaurant, where
from training.synthetic.entities import full_name
from training.synthetic.grammar import Grammar, sentence, with_articles
from training.synthetic.lexicon import words

_FOOD = words("food")
_LABELS = {
    "eatType": ("Kind", "What it is"),
    "food": ("Cuisine", "Kitchen"),
    "priceRange": ("Prices", "A meal costs"),
    "customer rating": ("Guests say", "Rating"),
    "area": ("Area", "Where"),
    "familyFriendly": ("Children", "For families"),
    "near": ("Next to", "Near"),
}
_SAYS = {
    "eatType": ("it is a {}", "people call it a {}"),
    "food": ("the food is {}", "you can eat {} food there", "it serves {} food"),
    "priceRange": ("the prices are {}", "a meal costs {}"),
    "customer rating": ("customers rate it {}", "its rating is {}", "the customer rating is {}"),
    "area": ("you find it {}", "it is {}"),
    "near": ("it is close to {}", "{} is next door"),
}
_TALK = Grammar(
    {
        "name": restaurant,
        "who": full_name,
        "dish": _FOOD["dishes"],
        "drink": _FOOD["drinks"],
        "staff": _FOOD["staff"],
        "food": _FOOD["cuisines"],
        "type": _FOOD["eat_types"],
        "area": lambda rng: where(rng.choice(_FOOD["areas"])),
        "day": words("news")["days"],
        "adj": _FOOD["praise"],
        "line": (
            "On {day} we went to {name}, a {adj} {type} {area}.",
            "The {staff} of {name} recommends the {dish} and the {dish}.",
            "“What would you like?” “The {dish}, please, and a glass of {drink}.”",
            "{who} opened a {adj} {type} {area} and named it {name}.",
            "{name} is [famous|known] for its {food} food, close to {name}.",
            "The {dish} at {name} was cold, but the {drink} was good.",
            "If you want {food} food, try {name} {area}.",
            "Meals cost [less than £20|£20-25|more than £30], and the {staff} is called {who}.",
            "The {type} is [for families|not for families], says the {staff}.",
        ),
    }
)


def _card(rng: random.Random) -> str:
    keys = rng.sample(sorted(_LABELS), rng.randint(2, 5))
    values = {key: DRAW[key](rng) for key in keys}
    name = restaurant(rng)
    lines = [name, *(f"{rng.choice(_LABELS[key])}: {values[key]}" for key in keys)]
    said = []
    for key, value in values.items():
        if key == "familyFriendly":
            said.append("children are welcome" if value == "yes" else "it is not a place for children")
        else:
            said.append(rng.choice(_SAYS[key]).format(where(value) if key == "area" else value))
    text = with_articles(f"About {name}: " + ", and ".join(said))
    return "\n".join(lines) + f"\n\n{text}."


def document(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return _card(rng)
    return " ".join(sentence(_TALK.draw(rng, "line")) for _ in range(rng.randint(2, 5)))
