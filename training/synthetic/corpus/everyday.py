# ruff: noqa: E501 (a template is one line)
"""Fables, letters, conversations, weather, recipes and short encyclopaedia entries."""

from __future__ import annotations

import random

from training.synthetic.entities import city, country, full_name
from training.synthetic.grammar import Grammar, sentence
from training.synthetic.gsm8k.problem import person, thing
from training.synthetic.lexicon import invented_name, words

_THINGS = words("things")
_GRAMMAR = Grammar(
    {
        "name": lambda rng: person(rng).name,
        "full": full_name,
        "town": city,
        "land": country,
        "odd": invented_name,
        "things": lambda rng: thing(rng)[1],
        "thing": lambda rng: thing(rng)[0],
        "animal": _THINGS["animals"],
        "room": _THINGS["rooms"],
        "weather": _THINGS["weather"],
        "feature": _THINGS["facts_nouns"],
        "material": _THINGS["materials"],
        "shop": _THINGS["shops"],
        "container": _THINGS["containers"],
        "activity": _THINGS["activities"],
        "day": words("news")["days"],
        "month": words("news")["months"],
        "job": words("people")["jobs"],
        "street": words("places")["streets"],
        "nation": words("places")["nationalities"],
        "kind": (
            "old",
            "young",
            "small",
            "clever",
            "tired",
            "hungry",
            "proud",
            "shy",
            "friendly",
            "curious",
            "patient",
            "brave",
        ),
        "adj": (
            "quiet",
            "long",
            "bright",
            "narrow",
            "wide",
            "deep",
            "famous",
            "lonely",
            "green",
            "dusty",
            "busy",
            "open",
        ),
        "feel": ("happy", "sad", "surprised", "angry", "proud", "sorry", "glad", "worried", "calm", "afraid"),
        "fable": (
            "A {kind} {animal} lived near a {feature}. One {weather} day the {animal} met a {kind} {animal}. "
            "“Where are you going?” asked the one. “To the {room},” said the other. So they went together, and both were {feel}.",
            "Once there was a {kind} {animal} who wanted a {thing}. It looked in the {room} and in the {room}, but found only {things}. "
            "In the end a {kind} {animal} helped, and the {animal} was {feel}.",
            "The {kind} {animal} and the {kind} {animal} argued about the {weather} weather. Neither was right. When evening came they shared some {things} and went to sleep.",
            "Every {day} {name} walked to the {feature}. There was a {kind} {animal} there, and {name} was never {feel} again.",
        ),
        "letter": (
            "Dear {name},\n\nThank you for the {things}. They are in a {container} in the {room}. The weather here is {weather}. I am {feel} that you will visit in {month}.\n\nYours,\n{name}",
            "Dear {full},\n\nWe are sorry that the {shop} on {street} was closed on {day}. It will open again in {month}.\n\nKind regards,\n{full}",
            "Dear {name},\n\nI went {activity} on {day} and lost my {thing}. If you find it, please put it in the {container}.\n\nLove,\n{name}",
        ),
        "talk": (
            "“Good morning, {name}. How are you?”\n“I am {feel}, thank you. And you?”\n“It is {weather}, so I am {feel} too.”",
            "{name}: Did you see my {thing}?\n{name}: It is in the {room}, I think.\n{name}: No, that is the {thing} of {name}.\n{name}: Then ask the {job}.",
            "{name}: Shall we go {activity} on {day}?\n{name}: I would rather go to the {shop}.\n{name}: Good, let us meet on {street}.",
            "“Where is the {shop}?” asked {name}. “On {street}, next to the {feature},” said the {job}.",
            "“What do you want to be?” the teacher asked. “A {job},” said {name}. “A {job}, like my aunt,” said {name}.",
            "{name}: Which of the {things} do you like?\n{name}: The one of {material}. It is very {adj}.",
        ),
        "fact": (
            "{odd} is a {feature} in {land}. It is {adj} and made of {material}. Many people from {town} visit it in {month}.",
            "{odd} is a town in {land}. It has a {adj} {feature}, a {shop} and a {feature}. The {job} of {odd} is {full}.",
            "{full} was a {nation} {job}. Born in {town}, {name} studied in {town} and became known for {activity}.",
            "The {animal} is an animal. It lives near the {feature} and eats {things}. In {month} it is {adj}.",
            "A {feature} is a place. There are many of them in {land}. The best known is the {feature} of {town}.",
            "{town} is a city in {land}. Its {feature} is {adj}, and its {shop} sells {things}.",
            "{material} is used for many things. In {land} people make {things} and {things} of it.",
        ),
        "recipe": (
            "Take the {things} out of the {container} and wash them. Cut them, put them in a bowl and wait. Serve with {things}.",
            "To mend a {thing}, you need {material} and time. First clean it. Then put it in the {room} until it is dry. Do not hurry.",
            "How to get from {town} to {town}: take the train on {day}, change at the {feature}, and walk along {street}.",
        ),
        "weather_report": (
            "{day} will be {weather} in {town} and {weather} in {town}. In the evening it turns {weather}. {month} was {weather} in {land}.",
            "The weather in {land}: {weather} in the morning, {weather} at noon, {weather} at night.",
        ),
        "any": (
            "{fable}",
            "{fable}",
            "{letter}",
            "{talk}",
            "{talk}",
            "{fact}",
            "{fact} {fact}",
            "{recipe}",
            "{weather_report}",
        ),
    }
)


def document(rng: random.Random) -> str:
    return sentence(_GRAMMAR.draw(rng, "any"))
