"""How one step's rows are laid out: which rows belong to which sequence and which adapter.

A step computes `num_rows` rows, one per new token. Rows of a sequence are neighbours; sequences with one new
token (decoding) come first, those of similar length side by side, then chunks of prompts. Otherwise rows of
the same adapter are neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch


def rotary_order(head_dim: int) -> torch.Tensor:
    """Where each dimension of a query or key head comes from so that the two of a pair stand side by side.

    Checkpoints keep them half a head apart. As both sides of a score are put in the same order it stays the
    same.
    """
    return torch.arange(head_dim).view(2, -1).t().reshape(-1)


class Site(IntEnum):
    """The four products of a layer. Projections that share their input are stacked into one."""

    QKV = 0
    O = 1  # noqa: E741
    GATE_UP = 2
    DOWN = 3


@dataclass(frozen=True, slots=True)
class LoraTarget:
    """One projection of a site: it adds `scale * (x A^T) B^T` to its columns.

    Not adapted: rank 0, `b` None.
    """

    rank: int
    width: int  # its columns in the stacked output of the site
    b: torch.Tensor | None = None  # [rank, width]: B transposed
    scale: float = 0.0


class LoraFactors:
    """An adapter's factors at one site of one layer; true ranks, no padding.

    `a [in_features, sum of ranks]` holds the A matrices of the adapted projections, transposed, side by side.
    """

    __slots__ = ("a", "ranks", "targets", "widths")

    def __init__(self, a: torch.Tensor, targets: Sequence[LoraTarget]):
        self.a = a
        self.targets = tuple(targets)  # all projections of the site, in the order of its columns
        self.ranks = [target.rank for target in targets]
        self.widths = [target.width for target in targets]


AdapterFactors = Sequence[Sequence[LoraFactors | None]]  # by layer, then site; None where nothing is adapted


@dataclass(eq=False, slots=True)
class LoraRows:
    """Which rows of a step use which adapter: runs of `lengths[i]` rows, in order, and each run's factors.

    `adapters[i]` is None for rows of the base. Lengths add up to the rows of the step.
    """

    lengths: list[int]
    adapters: list[AdapterFactors | None]

    def __eq__(self, other: object) -> bool:
        """The same runs of the same adapters in memory."""
        return (
            isinstance(other, LoraRows)
            and self.lengths == other.lengths
            and all(mine is theirs for mine, theirs in zip(self.adapters, other.adapters, strict=True))
        )


@dataclass(frozen=True, slots=True)
class Span:
    """The rows of one sequence: rows `start` to `start + new` are its positions `computed` to `computed +
    new`.

    Position `p` has its keys and values in slot `block_table[p // block_size] * block_size + p % block_size`.
    """

    start: int
    new: int
    computed: int
    block_table: list[int]

    @property
    def stop(self) -> int:
        return self.start + self.new

    @property
    def context(self) -> int:
        return self.computed + self.new
