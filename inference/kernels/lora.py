"""LoRA for a step whose rows use several adapters: `y += scale * (x A^T) B^T`, row by row, in plain torch.

Two ways, one interface. `SegmentedLora` multiplies each run of rows with its own factors. `JoinedLora`
lays the factors of all adapters side by side and multiplies all rows at once, dropping what belongs to
other adapters: more arithmetic, but far fewer calls, which is what counts for a few rows of a small
model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import is_

import torch

from inference.kernels.layout import AdapterFactors, LoraFactors, LoraRows, Site

_MAX_JOINED_WORK = 1 << 22  # rows x joined ranks x input features of a product; above, segments are faster
_MAX_BLOCK_NUMBERS = 1 << 17  # numbers of a B that holds all projections of a site, zeros included


class LoraPlanner:
    """Chooses how a step computes its adapters. What was made for the last step is kept for steps alike."""

    def __init__(self) -> None:
        self._last: SegmentedLora | JoinedLora | None = None
        self._joined: JoinedAdapters | None = None

    def plan(self, rows: LoraRows) -> SegmentedLora | JoinedLora | None:
        """None when every row is the base's."""
        adapters = sorted({id(one): one for one in rows.adapters if one is not None}.values(), key=id)
        if not adapters:
            return None
        if self._last is None or self._last.rows != rows:
            self._last = self._make(rows, adapters)
        return self._last

    def _make(self, rows: LoraRows, adapters: list[AdapterFactors]) -> SegmentedLora | JoinedLora:
        sizes = [max(_sizes(adapter), default=0) for adapter in adapters]
        if len(rows.lengths) == 1 or sum(rows.lengths) * sum(sizes) > _MAX_JOINED_WORK:
            return SegmentedLora(rows)
        if self._joined is None or not self._joined.holds(adapters):
            self._joined = JoinedAdapters(adapters)
        return JoinedLora(rows, self._joined)


def _sizes(adapter: AdapterFactors) -> Iterable[int]:
    """Ranks x input features of each product of the first adapted layer."""
    layer = next((layer for layer in adapter if any(layer)), ())
    return (factors.a.numel() for factors in layer if factors is not None)


class SegmentedLora:
    """Each run of rows with its own factors."""

    def __init__(self, rows: LoraRows):
        self.rows = rows
        num_layers = next(len(adapter) for adapter in rows.adapters if adapter is not None)
        self._factors = [[self._factors_at(layer, site) for site in Site] for layer in range(num_layers)]

    def shrink(self, x: torch.Tensor, layer: int, site: Site) -> list[torch.Tensor | None] | None:
        """`x A^T` of `x [num_rows, in_features]`, all projections of the site at once, for `expand_`."""
        adapters = self._factors[layer][site]
        if adapters is None:
            return None
        return [
            None if factors is None else torch.mm(run, factors.a)
            for run, factors in zip(self._runs(x), adapters, strict=True)
        ]

    def expand_(
        self, y: torch.Tensor, shrunk: list[torch.Tensor | None] | None, layer: int, site: Site
    ) -> None:
        """Adds `scale * shrunk B^T` in place to the adapted columns of `y [num_rows, out_features]`."""
        adapters = self._factors[layer][site]
        if adapters is None:
            return
        for run, low, factors in zip(self._runs(y), shrunk, adapters, strict=True):
            if factors is None:
                continue
            if len(factors.targets) == 1:
                target = factors.targets[0]
                run.addmm_(low, target.b, alpha=target.scale)
                continue
            lows, columns = low.split_with_sizes(factors.ranks, 1), run.split_with_sizes(factors.widths, 1)
            for part, column, target in zip(lows, columns, factors.targets, strict=True):
                if target.b is not None:
                    column.addmm_(part, target.b, alpha=target.scale)

    def _runs(self, rows: torch.Tensor) -> Sequence[torch.Tensor]:
        return rows.split_with_sizes(self.rows.lengths) if len(self.rows.lengths) > 1 else (rows,)

    def _factors_at(self, layer: int, site: Site) -> list[LoraFactors | None] | None:
        """Each run's factors; None where no adapter of the step adapts this site."""
        factors = [adapter and adapter[layer][site] for adapter in self.rows.adapters]
        return factors if any(factors) else None


@dataclass(frozen=True, slots=True)
class JoinedFactors:
    """The factors of several adapters at one site, projection by projection, adapter by adapter."""

    a: torch.Tensor  # [in_features, joined ranks], times the scales
    bs: tuple[torch.Tensor | None, ...]  # per projection [its joined ranks, width]; or one for all of them
    ranks: list[int]  # joined ranks of each projection
    widths: list[int]
    owners: tuple[int, ...]  # the adapter of each joined rank


class JoinedAdapters:
    """Copies of the factors of several adapters, side by side: `factors[layer][site]`."""

    def __init__(self, adapters: list[AdapterFactors]):
        self.adapters = adapters
        self.factors = [
            [_join([adapter[layer][site] for adapter in adapters]) for site in Site]
            for layer in range(len(adapters[0]))
        ]

    def holds(self, adapters: list[AdapterFactors]) -> bool:
        """Whether these are copies of just these adapters, in this order."""
        return len(adapters) == len(self.adapters) and all(map(is_, adapters, self.adapters))


class JoinedLora:
    """All rows with all adapters of the step, foreign columns set to zero in between.

    They are overwritten, not multiplied by zero: an adapter that overflows stays alone with its infinities.
    """

    def __init__(self, rows: LoraRows, joined: JoinedAdapters):
        self.rows = rows
        self._factors = joined.factors
        self._zero = torch.zeros(())  # a number would become a tensor at every call
        number_of = {id(adapter): number for number, adapter in enumerate(joined.adapters)}
        numbers = torch.tensor([number_of.get(id(adapter), -1) for adapter in rows.adapters])
        row_owners = numbers.repeat_interleave(torch.tensor(rows.lengths))[:, None]
        masks: dict[tuple[int, ...], torch.Tensor] = {}
        for factors in (site for layer in joined.factors for site in layer if site is not None):
            if factors.owners not in masks:
                masks[factors.owners] = (torch.tensor(factors.owners) != row_owners).to(factors.a.device)
        self._foreign = [[site and masks[site.owners] for site in layer] for layer in joined.factors]

    def shrink(self, x: torch.Tensor, layer: int, site: Site) -> torch.Tensor | None:
        """As `SegmentedLora.shrink`."""
        factors = self._factors[layer][site]
        if factors is None:
            return None
        return torch.mm(x, factors.a).masked_fill_(self._foreign[layer][site], self._zero)

    def expand_(self, y: torch.Tensor, shrunk: torch.Tensor | None, layer: int, site: Site) -> None:
        """As `SegmentedLora.expand_`."""
        factors = self._factors[layer][site]
        if factors is None:
            return
        if len(factors.bs) == 1:
            y.addmm_(shrunk, factors.bs[0])
            return
        lows, columns = shrunk.split_with_sizes(factors.ranks, 1), y.split_with_sizes(factors.widths, 1)
        for low, column, b in zip(lows, columns, factors.bs, strict=True):
            if b is not None:
                column.addmm_(low, b)


def _join(adapters: list[LoraFactors | None]) -> JoinedFactors | None:
    present = [(owner, factors) for owner, factors in enumerate(adapters) if factors is not None]
    if not present:
        return None
    a_parts, bs, ranks, owners = [], [], [], []
    split = [(owner, factors, factors.a.split(factors.ranks, 1)) for owner, factors in present]
    for projection in range(len(present[0][1].targets)):
        b_parts = []
        for owner, factors, parts in split:
            target = factors.targets[projection]
            if target.b is not None:
                # The scale goes here, before foreign columns are dropped: in B an infinity would meet
                # their zeros.
                a_parts.append(parts[projection] * target.scale)
                b_parts.append(target.b)
                owners += [owner] * target.rank
        bs.append(torch.cat(b_parts) if b_parts else None)
        ranks.append(sum(len(b) for b in b_parts))
    widths = present[0][1].widths
    if len(bs) > 1 and sum(ranks) * sum(widths) <= _MAX_BLOCK_NUMBERS:
        # One product with the zeros between the projections takes less time than several without.
        blocks = [
            b if b is not None else a_parts[0].new_zeros(0, width)
            for b, width in zip(bs, widths, strict=True)
        ]
        bs = [torch.block_diag(*blocks)]
    return JoinedFactors(torch.cat(a_parts, dim=1), tuple(bs), ranks, widths, tuple(owners))
