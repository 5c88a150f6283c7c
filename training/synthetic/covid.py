"""Short posts from the months of the pandemic, with one of five shades of sentiment.

Every cue counts: a strong one two points, a mild one a single point, for or against. The sum gives the shade,
and facts count nothing.
"""

from __future__ import annotations

import random

from training.synthetic.entities import city, country
from training.synthetic.grammar import Grammar, sentence
from training.synthetic.lexicon import invented_name, words

SHADES = {
    2: "Extremely Positive",
    1: "Positive",
    0: "Neutral",
    -1: "Negative",
    -2: "Extremely Negative",
}
_COVID = words("covid")
_GRAMMAR = Grammar(
    {
        **_COVID,
        "city": city,
        "shop": lambda rng: rng.choice((*_COVID["shops"], f"{invented_name(rng)} store")),
        "day": words("news")["days"],
        "street": words("places")["streets"],
        "n": lambda rng: str(rng.randint(2, 60)),
        "hour": lambda rng: str(rng.randint(6, 11)),
    }
)
FACTS = (
    "The {shop} on {street} opens at {hour} for {people}.",
    "The {shop} in {city} now lets {n} people in at a time.",
    "We bought {goods} and {goods} at the {shop} on {day}.",
    "{city}: {n} shops sell {goods} online.",
    "New rules for the {shop} start on {day}.",
    "The {shop} sells {goods} from {hour} to noon.",
    "{people} can order {goods} by phone.",
    "Today I wrote about {topics} in {city}.",
    "What does the virus mean for {topics}? A report from {city}.",
    "On {day} the council of {city} talks about {topics}.",
)
CUES: dict[int, tuple[str, ...]] = {
    2: (
        "The {people} [at the {shop}|in {city}] are {strong_good}[!|!!]",
        "I am so {strong_good_feeling} for the {people}!",
        "What a {strong_good} thing the {shop} is doing for {people}!",
        "Our {people} are {strong_good} and we [love|adore] them!",
        "{strong_good} news about {topics}[!|!!]",
    ),
    1: (
        "The {people} at the {shop} were {mild_good}.",
        "It is [good|nice|fair|lovely|helpful] that the {shop} sells {goods} again.",
        "I feel {mild_good_feeling} about {topics}.",
        "A {mild_good} talk with the {people} in {city}.",
        "The {shop} was {mild_good} this time.",
    ),
    -1: (
        "The {people} at the {shop} were {mild_bad}.",
        "It is [bad|sad|unfair|annoying|a pity] that the {shop} has no {goods}.",
        "I feel {mild_bad_feeling} about {topics}.",
        "A {mild_bad} wait at the {shop} in {city}.",
        "The {shop} was {mild_bad} this time.",
    ),
    -2: (
        "The {people} [at the {shop}|in {city}] are {strong_bad}[!|!!]",
        "I am so {strong_bad_feeling} of what comes for {people}!",
        "What a {strong_bad} thing the {shop} is doing to {people}!",
        "Our {people} are {strong_bad} and we [hate|loathe] it!",
        "{strong_bad} news about {topics}[!|!!]",
    ),
}
# Which cues a post of the shade holds, and how often.
MIXES: dict[int, tuple[tuple[tuple[int, ...], int], ...]] = {
    2: (((2,), 5), ((1, 1), 3), ((2, 1), 2)),
    1: (((1,), 7), ((2, -1), 2)),
    0: (((), 7), ((1, -1), 3)),
    -1: (((-1,), 7), ((-2, 1), 2)),
    -2: (((-2,), 5), ((-1, -1), 3), ((-2, -1), 2)),
}


def post(rng: random.Random, shade: int) -> str:
    """A post whose cues add up to the shade, from -2 to 2, among facts and hashtags."""
    mixes, weights = zip(*MIXES[shade], strict=True)
    cues = rng.choices(mixes, weights)[0]
    facts = rng.randint(max(0, 1 - len(cues)), max(1, 3 - len(cues)))
    templates = [rng.choice(CUES[cue]) for cue in cues] + rng.sample(FACTS, facts)
    rng.shuffle(templates)
    text = " ".join(sentence(_GRAMMAR.expand(rng, template)) for template in templates)
    tags = rng.sample(_COVID["tags"], rng.choice((0, 1, 1, 2)))
    return " ".join((text, *(f"#{tag}" for tag in tags)))


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"OriginalTweet": …, "TweetAt": …, "Location": …}` and the shade; date and place mean nothing."""
    shade = rng.choice(tuple(SHADES))
    where = rng.choice((city(rng), f"{city(rng)}, {country(rng)}", country(rng)))
    variables = {
        "OriginalTweet": post(rng, shade),
        "TweetAt": f"{rng.randint(1, 30):02}-{rng.choice(('03', '04'))}-2020",
        "Location": where,
    }
    return variables, SHADES[shade]
