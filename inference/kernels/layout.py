"""How one step's rows are laid out: which rows belong to which sequence and which adapter.

A step computes `num_rows` rows, one per new token. Rows of a sequence are neighbours; sequences with one
new token (decoding) come first, then chunks of prompts. Within each part, rows of the same adapter are
neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch


class Site(IntEnum):
    """The four products of a layer. Projections that share their input are stacked into one."""

    QKV = 0
    O = 1  # noqa: E741
    GATE_UP = 2
    DOWN = 3


@dataclass(frozen=True, slots=True)
class LoraTarget:
    """One adapted projection inside a site: `y[:, columns] += scale * (x A^T)[:, ranks] B^T`."""

    b: torch.Tensor  # [rank, out_features]: B transposed
    ranks: slice
    columns: slice
    scale: float


@dataclass(frozen=True, slots=True)
class LoraFactors:
    """An adapter's factors at one site of one layer; true ranks, no padding, only adapted projections."""

    a: torch.Tensor  # [in_features, sum of ranks]: the A matrices of all targets, transposed, side by side
    targets: tuple[LoraTarget, ...]


@dataclass(frozen=True, slots=True)
class LoraSegment:
    """Rows `start` to `stop` use one adapter; `factors[layer][site]` is None where it adapts nothing."""

    start: int
    stop: int
    factors: Sequence[Sequence[LoraFactors | None]]


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
