"""Examples of a task that nobody has heard of: is it good, or bad?"""

from __future__ import annotations

WORDS = ["soup", "view", "song", "walk", "book", "game", "tale", "meal", "room", "play", "show", "ride"]


def rows(count: int = 40) -> list[tuple[str, str]]:
    """Prompts that all end alike, with one of two answers."""
    pairs = [
        (f"{word} number {n}: {taste}\nMood:", mood)
        for n in range(2)
        for word in WORDS
        for taste, mood in (("lovely", "good"), ("dreadful", "bad"))
    ]
    assert count <= len(pairs)
    return pairs[:count]
