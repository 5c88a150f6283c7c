"""One step laid out for the device: which rows there are, whose they are, where their keys go."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
import torch

from inference.gpu.adapters import Place
from inference.kernels.layout import Site
from inference.sequence import ScheduledSequence, Sequence

PER_ROW = ("tokens", "sources", "positions", "slots", "places", "lengths")
Run = tuple[int, int, Place | None]  # neighbouring rows of one adapter: first row, number of rows, its place
PROMPT_TILE = 64  # rows of a prompt that share a program
UNLIMITED = 1 << 30


@dataclass(frozen=True, slots=True)
class Tiles:
    """Tiles of one site, `int32 [num_tiles, 4]` as `inference.kernels.fused` describes them."""

    table: torch.Tensor
    most_rows: int  # of a tile: a power of two
    ranks: int  # of the pool that the product must reach (decoding), or the highest of a tile (prompts)
    highest: int  # no tile's rank is higher
    early: bool = False  # each kernel starts while the one before it still runs: for a single row


@dataclass(frozen=True, slots=True)
class Prompts:
    """Rows `first` and on belong to prompts.

    `starts` and `context_starts` int32 `[num + 1]` bound each one's rows and its cached tokens, whose slots
    are `context` int64.
    """

    first: int
    starts: torch.Tensor
    context_starts: torch.Tensor
    context: torch.Tensor
    longest: int
    longest_context: int
    lengths: list[tuple[int, int]]  # rows and context of each, for devices without variable-length attention


@dataclass(frozen=True, slots=True)
class Rows:
    """A step; its first `num_decode` rows are single new tokens. Tensors are int32 `[rows]` on the device.

    `sources` is the row of the previous step's choices that holds a row's token, or -1: then it is in
    `tokens`. `wanted` int64 names the rows that sample, None: all; `wanted_tiles` tiles just those.
    """

    num: int
    num_decode: int
    tokens: torch.Tensor
    sources: torch.Tensor
    positions: torch.Tensor
    slots: torch.Tensor
    places: torch.Tensor
    lengths: torch.Tensor
    tiles: tuple[Tiles, ...]  # by site
    prompts: Prompts | None = None
    wanted: torch.Tensor | None = None
    wanted_tiles: tuple[Tiles, ...] | None = None

    @property
    def lora(self) -> bool:
        return any(tiles.ranks for tiles in self.tiles)


class BlockTables:
    """The block tables of running sequences on the device: `table` int32 `[places, longest]`.

    A sequence keeps its place while it holds blocks; only blocks that are new there are sent.
    """

    def __init__(self, places: int, longest: int, device: torch.device):
        self.table = torch.zeros(places, longest, dtype=torch.int32, device=device)
        self._owners: list[Sequence | None] = [None] * places
        self._sent: list[list[int]] = [[] for _ in range(places)]
        self._place_of: dict[int, int] = {}

    def update(self, sequences: Many[Sequence]) -> tuple[list[int], list[int], list[int]]:
        """Each sequence's place; and which numbers of the flat table must become what."""
        places, where, what = [], [], []
        longest = self.table.shape[1]
        for sequence in sequences:
            place = self._place_of.get(id(sequence))
            if place is None or self._owners[place] is not sequence:
                place = self._take(sequence)
            sent, blocks = self._sent[place], sequence.block_table
            if len(sent) != len(blocks) or sent != blocks:
                same = len(sent) if sent == blocks[: len(sent)] else 0
                where += range(place * longest + same, place * longest + len(blocks))
                what += blocks[same:]
                self._sent[place] = list(blocks)
            places.append(place)
        return places, where, what

    def forget(self) -> None:
        """Lets everything be sent anew: some of what `update` told may not have arrived."""
        self._sent = [[] for _ in self._sent]

    def _take(self, sequence: Sequence) -> int:
        for place, owner in enumerate(self._owners):
            if owner is None or not owner.block_table:
                if owner is not None:
                    self._place_of.pop(id(owner), None)
                self._owners[place] = sequence
                self._sent[place] = []
                self._place_of[id(sequence)] = place
                return place
        raise RuntimeError("More sequences run than the block tables have places for.")


def decodes(item: ScheduledSequence) -> bool:
    """Whether it is a single new token that another one follows; all else is computed as a piece of a
    prompt.
    """
    return item.num_new == 1 and item.samples


def packing_order(batch: list[ScheduledSequence]) -> list[ScheduledSequence]:
    """Decoding rows first, then prompts; inside, rows of one adapter side by side and the base last."""
    return sorted(batch, key=lambda item: (not decodes(item), _first_rank(item.sequence), len(item.sequence)))


def place_of(sequence: Sequence) -> Place | None:
    return None if sequence.adapter is None else sequence.adapter.weights


def _first_rank(sequence: Sequence) -> int:
    place = place_of(sequence)
    return UNLIMITED if place is None else place.first


def tile_table(runs: list[Run], site: Site, most_rows: int) -> np.ndarray:
    """Cuts runs into tiles of at most `most_rows` rows."""
    tiles = []
    for first, rows, place in runs:
        rank = place.ranks[site] if place else 0
        begin = place.first if place else 0
        for at in range(0, rows, most_rows):
            tiles.append((first + at, min(most_rows, rows - at), begin, rank))
    return np.array(tiles, dtype=np.int32).reshape(-1, 4)


def runs_of(items: list[ScheduledSequence], lengths: list[int]) -> list[Run]:
    """Joins the rows of neighbours with one adapter."""
    runs: list[Run] = []
    at = 0
    for item, length in zip(items, lengths, strict=True):
        place = place_of(item.sequence)
        if runs and runs[-1][2] is place:
            first, rows, _ = runs[-1]
            runs[-1] = (first, rows + length, place)
        else:
            runs.append((at, length, place))
        at += length
    return runs
