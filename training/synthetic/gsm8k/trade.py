# ruff: noqa: E501 (a template is one line)
"""Prices, bills and change from a note."""

from __future__ import annotations

from training.synthetic.gsm8k.problem import THINGS, Problem, person, plural


def shopping(p: Problem) -> None:
    """Things at a price each, perhaps two kinds, perhaps change from a note."""
    rng, who = p.rng, person(p.rng)
    item, count, price = rng.choice(THINGS["priced"]), rng.randint(2, 12), rng.randint(2, 12)
    p.say(
        f"a {item} costs {price} dollars. {who.name} buys {count} of them.",
        f"{who.name} buys {count} of the same {item} at {price} dollars each.",
        f"at the {rng.choice(THINGS['shops'])}, one {item} costs {price} dollars and {who.name} takes {count}.",
    )
    p.step(f"{count} * {price}", count * price, f"the {plural(item)} cost {{}} dollars.")
    if rng.random() < 0.4:
        other, cost = rng.choice(THINGS["priced"]), rng.randint(2, 40)
        p.say(
            f"{who.they} also buys a {other} for {cost} dollars.",
            f"{who.they} pays {cost} dollars for a {other} too.",
        )
        p.step(f"{p.value} + {cost}", p.value + cost, "together that is {} dollars.")
    if rng.random() < 0.5:
        note = rng.choice([n for n in (20, 50, 100, 200) if n > p.value])
        p.say(
            f"{who.they} pays with {note} dollars. how many dollars of change does {who.they} get?",
            f"{who.name} came with {note} dollars. how many dollars does {who.they} have left?",
        )
        p.step(f"{note} - {p.value}", note - p.value, f"{who.name} has {{}} dollars left.")
    else:
        p.say(f"how many dollars does {who.name} pay?", f"how much does {who.name} spend in total?")


def bill(p: Problem) -> None:
    """Several of one thing and one of another, or several of both, in one sentence."""
    rng, who = p.rng, person(p.rng)
    (item, items), other = p.noun(rng), rng.choice(THINGS["priced"])
    count, price, cost = rng.randint(2, 12), rng.randint(2, 12), rng.randint(2, 40)
    p.say(
        f"{who.name} buys {count} {items} for {price} dollars each and a {other} for {cost} dollars.",
        f"{who.name} buys {count} {items} at {price} dollars each, and one {other} that costs {cost} dollars.",
        f"one {item} costs {price} dollars, and a {other} costs {cost} dollars. {who.name} buys {count} {items} and a {other}.",
    )
    p.step(f"{count} * {price}", count * price, f"the {items} cost {{}} dollars.")
    p.step(f"{p.value} + {cost}", p.value + cost, "together that is {} dollars.")
    p.say(
        f"how much does {who.they} spend?",
        f"how much does {who.name} pay?",
        "how many dollars is that in total?",
    )
