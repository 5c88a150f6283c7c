"""LoRA for a step whose rows use several adapters: `y += scale * (x A^T) B^T`, row by row, in plain torch.

Two ways, one interface. `SegmentedLora` multiplies each run of rows with its own factors. `JoinedLora`
lays the factors of all adapters side by side and multiplies all rows at once, dropping what belongs to
other adapters: more arithmetic, but far fewer calls, which is what counts for a few rows of a small
model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from inference.kernels.layout import LoraFactors, LoraRows, Site

_MAX_JOINED_WORK = 1 << 22  # rows x joined ranks x input features of a product; above, segments are faster


class LoraPlanner:
    """Chooses how a step computes its adapters. The last plan is kept for steps alike."""

    def __init__(self) -> None:
        self._last: SegmentedLora | JoinedLora | None = None

    def plan(self, rows: LoraRows) -> SegmentedLora | JoinedLora | None:
        """None when every row is the base's."""
        if not any(adapter is not None for adapter in rows.adapters):
            return None
        if self._last is None or self._last.rows != rows:
            several = len(rows.lengths) > 1
            small = sum(rows.lengths) * _work_per_row(rows) <= _MAX_JOINED_WORK
            self._last = JoinedLora(rows) if several and small else SegmentedLora(rows)
        return self._last


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
    """The factors of all adapters of a step at one site, projection by projection, adapter by adapter."""

    a: torch.Tensor  # [in_features, joined ranks]
    bs: tuple[torch.Tensor | None, ...]  # per projection [its joined ranks, width]
    ranks: list[int]  # joined ranks of each projection
    widths: list[int]
    foreign: torch.Tensor  # bool [num_rows, joined ranks]: columns of other adapters than the row's own
    scales: torch.Tensor  # [num_rows, joined ranks]


class JoinedLora:
    """All rows with all adapters of the step, foreign columns set to zero in between.

    They are overwritten, not multiplied by zero: an adapter that overflows stays alone with its infinities.
    """

    def __init__(self, rows: LoraRows):
        self.rows = rows
        adapters = list({id(adapter): adapter for adapter in rows.adapters if adapter is not None}.values())
        owners = [
            -1 if adapter is None else next(i for i, other in enumerate(adapters) if other is adapter)
            for adapter in rows.adapters
        ]
        row_owners = torch.tensor(owners).repeat_interleave(torch.tensor(rows.lengths))
        self._factors = [
            [_join([adapter[layer][site] for adapter in adapters], row_owners) for site in Site]
            for layer in range(len(adapters[0]))
        ]

    def shrink(self, x: torch.Tensor, layer: int, site: Site) -> torch.Tensor | None:
        """As `SegmentedLora.shrink`."""
        factors = self._factors[layer][site]
        if factors is None:
            return None
        return torch.mm(x, factors.a).mul_(factors.scales).masked_fill_(factors.foreign, 0)

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


def _join(adapters: Sequence[LoraFactors | None], row_owners: torch.Tensor) -> JoinedFactors | None:
    present = [(owner, factors) for owner, factors in enumerate(adapters) if factors is not None]
    if not present:
        return None
    a_parts, bs, ranks, owners, scales = [], [], [], [], []
    split = [(owner, factors, factors.a.split(factors.ranks, 1)) for owner, factors in present]
    for projection in range(len(present[0][1].targets)):
        b_parts = []
        for owner, factors, parts in split:
            target = factors.targets[projection]
            if target.b is not None:
                a_parts.append(parts[projection])
                b_parts.append(target.b)
                owners += [owner] * target.rank
                scales += [target.scale] * target.rank
        bs.append(torch.cat(b_parts) if b_parts else None)
        ranks.append(sum(len(b) for b in b_parts))
    a = torch.cat(a_parts, dim=1)
    return JoinedFactors(
        a=a,
        bs=tuple(bs),
        ranks=ranks,
        widths=present[0][1].widths,
        foreign=(torch.tensor(owners) != row_owners[:, None]).to(a.device),
        scales=torch.tensor(scales, dtype=a.dtype).expand(len(row_owners), -1).contiguous().to(a.device),
    )


def _work_per_row(rows: LoraRows) -> int:
    """Joined ranks x input features of the largest product."""

    def sizes(adapter: Sequence[Sequence[LoraFactors | None]]) -> Iterable[int]:
        return (factors.a.numel() for layer in adapter[:1] for factors in layer if factors is not None)

    unique = {id(adapter): adapter for adapter in rows.adapters if adapter is not None}
    return sum(max(sizes(adapter), default=0) for adapter in unique.values())
