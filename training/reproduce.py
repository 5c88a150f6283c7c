"""Measures the committed scores of the miniature world again, and says whether they came out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.evaluate import Comparison
from training.metrics import Score

# Examples a task: few enough for five minutes of a laptop's CPU, all tasks together.
EXAMPLES = 40


@dataclass(frozen=True, slots=True)
class Verdict:
    """One score now and in the committed table.

    Where all n examples now score the same, the bootstrap has nothing to draw from and its interval is a
    point. Up to 3/n of all examples may then still be other ones, by the rule of three.
    """

    task: str
    by: str
    now: Score
    then: Score

    @property
    def expected(self) -> tuple[float, float]:
        """The committed 95 % interval as wide as it is for as few examples as now: it grows with the square
        root of their ratio."""
        wider = math.sqrt(max(1.0, self.then.n / self.now.n))
        mean, ends = self.then.mean, (self.then.low, self.then.high)
        low, high = (mean + (end - mean) * wider for end in ends)
        return max(0.0, low), min(1.0, high)

    @property
    def agrees(self) -> bool:
        """Whether what is measured now, with its own interval, meets what was to be expected."""
        low, high = self.expected
        unseen = 3 / self.now.n if self.now.low == self.now.high else 0.0
        return self.now.low - unseen <= high and low <= self.now.high + unseen


def verdicts(comparisons: Sequence[Comparison], measured: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """Base and adapter of every task that the committed table has."""
    return [
        Verdict(each.task.id, by, each.scores[by]["paper"], _committed(measured[each.task.id], by))
        for each in comparisons
        for by in ("base", "adapter")
    ]


def _committed(entry: Mapping[str, Any], by: str) -> Score:
    return Score(entry[by], *entry[f"{by}_interval"], entry["n"])


def report(found: Sequence[Verdict]) -> str:
    """A Markdown table with a last line that sums up."""
    rows = ["| task | | n | now | committed | |", "|---|---|---|---|---|---|"]
    for each in found:
        rows.append(
            f"| {each.task} | {each.by} | {each.now.n} | {each.now} "
            f"| {each.then}, n {each.then.n} | {'agrees' if each.agrees else 'DIFFERS'} |"
        )
    agreeing = sum(each.agrees for each in found)
    rows.append(f"\n{agreeing} of {len(found)} scores agree with the committed table within the intervals.")
    return "\n".join(rows)
