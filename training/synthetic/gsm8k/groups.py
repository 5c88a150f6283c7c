"""Equal groups: boxes, shares, rows."""

from __future__ import annotations

from training.synthetic.gsm8k.problem import THINGS, Problem, person, plural


def packing(p: Problem) -> None:
    """Containers with the same number in each, then some more or fewer."""
    rng, who, (_, things), box = p.rng, person(p.rng), p.noun(p.rng), p.rng.choice(THINGS["containers"])
    boxes, each = rng.randint(2, 12), rng.randint(2, 15)
    filled = plural(box)
    p.say(
        f"{who.name} has {boxes} {filled} with {each} {things} in each.",
        f"there are {boxes} {filled}, and each holds {each} {things}.",
        f"{who.name} fills {boxes} {filled} with {each} {things} each.",
        f"each {box} holds {each} {things}, and {who.name} has {boxes} {filled}.",
        f"{who.name} packs {each} {things} into each of {boxes} {filled}.",
    )
    p.step(f"{boxes} * {each}", boxes * each, f"the {filled} hold {{}} {things}.")
    kind = rng.random()
    if kind < 0.35:
        more = rng.randint(2, 40)
        p.say(f"{more} more {things} lie on the table.", f"{who.name} finds another {more} {things}.")
        p.step(f"{p.value} + {more}", p.value + more, f"with the others there are {{}} {things}.")
    elif kind < 0.7:
        less = rng.randint(1, p.value - 1)
        p.say(
            f"{who.name} takes out {less} {things}.",
            f"{less} of the {things} are sold.",
            f"{less} {things} are lost.",
        )
        p.step(f"{p.value} - {less}", p.value - less, f"after that there are {{}} {things}.")
    p.say(f"how many {things} are there now?", f"how many {things} are there in total?")


def sharing(p: Problem) -> None:
    """An equal share, perhaps after something is taken away."""
    rng, who, (_, things) = p.rng, person(p.rng), p.noun(p.rng)
    friends, share = rng.randint(2, 10), rng.randint(2, 12)
    total, kept = friends * share, rng.choice((0, 0, rng.randint(1, 20)))
    p.say(f"{who.name} has {total + kept} {things}.", f"{who.name} gathers {total + kept} {things}.")
    p.value = total + kept
    if kept:
        p.say(f"{who.they} keeps {kept} for {who.their} family.", f"{who.they} puts {kept} of them away.")
        p.step(f"{p.value} - {kept}", total, f"that leaves {{}} {things}.")
    p.say(
        f"{who.they} shares the rest equally among {friends} friends."
        if kept
        else f"{who.they} shares them equally among {friends} friends.",
        f"{who.they} puts {'the rest' if kept else 'them'} into {friends} equal groups.",
    )
    p.step(f"{total} / {friends}", share, f"each gets {{}} {things}.")
    p.say(f"how many {things} does each get?", f"how many {things} are in each share?")


def seats(p: Problem) -> None:
    """Rows of seats, trees or tiles, some of them empty."""
    rng = p.rng
    rows, each = rng.randint(3, 15), rng.randint(3, 12)
    place, unit, gone = rng.choice(
        (
            ("theatre", "seats", "empty"),
            ("bus", "seats", "free"),
            ("garden", "trees", "bare"),
            ("classroom", "desks", "broken"),
            ("field", "plants", "dry"),
            ("car park", "spaces", "free"),
            ("hall", "chairs", "taken"),
        )
    )
    p.say(
        f"a {place} has {rows} rows of {each} {unit}.",
        f"in a {place} there are {rows} rows with {each} {unit} in each row.",
    )
    p.step(f"{rows} * {each}", rows * each, f"there are {{}} {unit}.")
    if rng.random() < 0.7:
        less = rng.randint(1, p.value - 1)
        p.say(f"{less} {unit} are {gone}. how many {unit} are not {gone}?")
        p.step(f"{p.value} - {less}", p.value - less, f"{{}} {unit} are not {gone}.")
    else:
        p.say(f"how many {unit} are there?")
