"""Measures the committed scores of the miniature world again, and says whether they came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.evaluate import Comparison
from training.metrics import Score

# Examples a task: few enough for five minutes of a laptop's CPU, all tasks together.
EXAMPLES = 40


@dataclass(frozen=True, slots=True)
class Verdict:
    """One score now and in the committed table. They agree when their 95 % intervals overlap: the examples
    are the first of those that were measured then, so only rounding on another machine sets them apart.

    Where all n examples now score the same, the bootstrap has nothing to draw from and its interval is a
    point. Up to 3/n of all examples may then still be other ones, by the rule of three.
    """

    task: str
    by: str
    now: Score
    then: float
    then_interval: tuple[float, float]

    @property
    def agrees(self) -> bool:
        low, high = self.then_interval
        unseen = 3 / self.now.n if self.now.low == self.now.high else 0.0
        return self.now.low - unseen <= high and low <= self.now.high + unseen


def verdicts(comparisons: Sequence[Comparison], measured: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """Base and adapter of every task that the committed table has."""
    return [
        Verdict(
            each.task.id,
            by,
            each.scores[by]["paper"],
            measured[each.task.id][by],
            tuple(measured[each.task.id][f"{by}_interval"]),
        )
        for each in comparisons
        for by in ("base", "adapter")
    ]


def report(found: Sequence[Verdict]) -> str:
    """A Markdown table with a last line that sums up."""
    rows = ["| task | | n | now | committed | |", "|---|---|---|---|---|---|"]
    for each in found:
        low, high = each.then_interval
        rows.append(
            f"| {each.task} | {each.by} | {each.now.n} | {each.now} "
            f"| {each.then:.3f} [{low:.3f}, {high:.3f}] | {'agrees' if each.agrees else 'DIFFERS'} |"
        )
    agreeing = sum(each.agrees for each in found)
    rows.append(f"\n{agreeing} of {len(found)} scores agree with the committed table within the intervals.")
    return "\n".join(rows)
