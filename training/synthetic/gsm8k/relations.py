"""People and quantities compared: more, fewer, older, so much a day."""

from __future__ import annotations

from training.synthetic.gsm8k.problem import THINGS, Problem, person, two_people


def comparing(p: Problem) -> None:
    """Two people, one with more, fewer or a multiple of the other's."""
    rng, (a, b), (_, things) = p.rng, two_people(p.rng), p.noun(p.rng)
    own = rng.randint(4, 30)
    kind = rng.random()
    p.say(f"{a.name} has {own} {things}.", f"{a.name} collects {own} {things}.")
    if kind < 0.4:
        more = rng.randint(2, 30)
        p.say(f"{b.name} has {more} more {things} than {a.name}.")
        p.step(f"{own} + {more}", own + more, f"{b.name} has {{}} {things}.")
    elif kind < 0.65:
        fewer = rng.randint(1, own - 1)
        p.say(f"{b.name} has {fewer} fewer {things} than {a.name}.")
        p.step(f"{own} - {fewer}", own - fewer, f"{b.name} has {{}} {things}.")
    else:
        factor, word = rng.choice(((2, "twice"), (3, "three times"), (4, "four times")))
        p.say(f"{b.name} has {word} as many {things} as {a.name}.")
        p.step(f"{own} * {factor}", own * factor, f"{b.name} has {{}} {things}.")
    if rng.random() < 0.6:
        p.say(f"how many {things} do {a.name} and {b.name} have together?", "how many do they have in total?")
        p.step(f"{own} + {p.value}", own + p.value, f"together they have {{}} {things}.")
    else:
        p.say(f"how many {things} does {b.name} have?")


def ages(p: Problem) -> None:
    rng, (a, b) = p.rng, two_people(p.rng)
    age, gap, later = rng.randint(4, 40), rng.randint(2, 15), rng.randint(2, 15)
    if rng.random() < 0.5 and age > gap:
        p.say(f"{a.name} is {age} years old. {b.name} is {gap} years younger.")
        p.step(f"{age} - {gap}", age - gap, f"{b.name} is {{}} years old.")
    else:
        p.say(f"{a.name} is {age} years old. {b.name} is {gap} years older.")
        p.step(f"{age} + {gap}", age + gap, f"{b.name} is {{}} years old.")
    if rng.random() < 0.6:
        p.say(f"how old will {b.name} be in {later} years?")
        p.step(f"{p.value} + {later}", p.value + later, f"in {later} years {b.name} will be {{}} years old.")
    else:
        p.say(f"how old is {b.name}?")


def rate(p: Problem) -> None:
    """So much a day or an hour, for some days or hours."""
    rng, who = p.rng, person(p.rng)
    kind = rng.random()
    per, units = rng.randint(2, 15), rng.randint(2, 12)
    if kind < 0.35:
        p.say(
            f"{who.name} reads {per} pages every day for {units} days.",
            f"for {units} days {who.name} reads {per} pages a day.",
        )
        unit = "pages"
    elif kind < 0.65:
        activity = rng.choice(THINGS["activities"])
        p.say(
            f"{who.name} spends {per} minutes a day {activity}, on {units} days.",
            f"{who.name} spends {per} minutes {activity} on each of {units} days.",
        )
        unit = "minutes"
    else:
        job = rng.choice(("walking dogs", "washing cars", "babysitting", "mowing lawns", "selling lemonade"))
        p.say(
            f"{who.name} earns {per} dollars an hour {job} and works {units} hours.",
            f"{who.name} works {units} hours {job} for {per} dollars an hour.",
        )
        unit = "dollars"
    p.step(f"{units} * {per}", units * per, f"that makes {{}} {unit}.")
    if rng.random() < 0.45:
        if unit == "pages":
            total = p.value + rng.randint(5, 90)
            p.say(f"the book has {total} pages. how many pages are left?")
        elif unit == "dollars" and p.value > 3:
            total = None
            spent = rng.randint(1, p.value - 1)
            p.say(f"then {who.they} spends {spent} dollars. how many dollars are left?")
            p.step(f"{p.value} - {spent}", p.value - spent, "after that {} dollars are left.")
            return
        else:
            total = p.value + rng.randint(5, 90)
            p.say(f"the goal is {total} {unit}. how many {unit} are missing?")
        p.step(f"{total} - {p.value}", total - p.value, f"that leaves {{}} {unit}.")
    else:
        p.say(f"how many {unit} is that in total?", f"how many {unit} does that make?")
