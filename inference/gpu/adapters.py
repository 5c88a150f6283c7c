"""Adapters on the device: a pool of ranks that all share, each adapter on a run of neighbouring ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from inference.gpu.weights import BaseWeights
from inference.kernels.layout import Site
from inference.lora.memory import SITE_MODULES, ModuleWeights
from inference.models.config import ModelConfig


@dataclass(frozen=True, slots=True)
class HostSite:
    """An adapter's share of one site of one layer: `a [rank * projections, in]` and `b [rank, out]`."""

    a: torch.Tensor
    b: torch.Tensor
    scales: torch.Tensor  # float32 [rank, projections]


@dataclass(frozen=True, slots=True)
class HostAdapter:
    """An adapter in host memory as the device wants it, all in one slab (pinned where CUDA is).

    `sites[layer][site]` is None where nothing is adapted. Where projections or layers have different ranks
    the smaller ones are filled up with zeros to `ranks[site]`.
    """

    slab: torch.Tensor
    scales: torch.Tensor
    sites: tuple[tuple[HostSite | None, ...], ...]
    ranks: tuple[int, ...]  # by site; 0 where no layer is adapted

    @property
    def rank(self) -> int:
        return max(self.ranks)

    @property
    def size_bytes(self) -> int:
        return self.slab.nbytes


def pack_for_device(
    config: ModelConfig,
    modules: dict[tuple[int, str], ModuleWeights],
    dtype: torch.dtype,
    device: torch.device,
) -> HostAdapter:
    """Lays out an adapter's modules, by layer and module name, for `AdapterPool.place`."""
    ranks = tuple(
        max((len(module.a) for (_, name), module in modules.items() if name in names), default=0)
        for names in SITE_MODULES.values()
    )
    features = {
        site: (sum(config.linear_shapes[name][0] for name in names), config.linear_shapes[names[0]][1])
        for site, names in SITE_MODULES.items()
    }
    adapted = [
        [site for site, names in SITE_MODULES.items() if any((layer, name) in modules for name in names)]
        for layer in range(config.num_layers)
    ]
    numbers = sum(
        ranks[site] * (len(SITE_MODULES[site]) * features[site][1] + features[site][0])
        for sites in adapted
        for site in sites
    )
    pinned = device.type == "cuda"
    slab = torch.zeros(numbers, dtype=dtype, pin_memory=pinned)
    count = sum(ranks[site] * len(SITE_MODULES[site]) for sites in adapted for site in sites)
    all_scales = torch.zeros(count, dtype=torch.float32, pin_memory=pinned)
    at = at_scale = 0

    def room(rows: int, columns: int) -> torch.Tensor:
        nonlocal at
        at += rows * columns
        return slab[at - rows * columns : at].view(rows, columns)

    layers = []
    for layer in range(config.num_layers):
        sites: list[HostSite | None] = [None] * len(Site)
        for site in adapted[layer]:
            names, rank = SITE_MODULES[site], ranks[site]
            out_features, in_features = features[site]
            a, b = room(rank * len(names), in_features), room(rank, out_features)
            scales = all_scales[at_scale : at_scale + rank * len(names)].view(rank, len(names))
            at_scale += rank * len(names)
            column = 0
            for projection, name in enumerate(names):
                width = config.linear_shapes[name][0]
                module = modules.get((layer, name))
                if module is not None:
                    own = len(module.a)
                    a.view(rank, len(names), in_features)[:own, projection] = module.a.to(dtype)
                    b[:own, column : column + width] = module.b.t().to(dtype)
                    scales[:own, projection] = module.scale
                column += width
            sites[site] = HostSite(a, b, scales)
        layers.append(tuple(sites))
    return HostAdapter(slab, all_scales, tuple(layers), ranks)


@dataclass(frozen=True, slots=True)
class Place:
    """The ranks `first` to `first + rank` of the pool; `ranks` as `HostAdapter.ranks`."""

    first: int
    rank: int
    ranks: tuple[int, ...]

    @property
    def stop(self) -> int:
        return self.first + self.rank


class AdapterPool:
    """Places adapters in the spare rows of `weights`. Not for several threads at once.

    Copies run on a stream of their own, after the steps that were launched before and before those after.
    """

    def __init__(self, weights: BaseWeights, device: torch.device):
        self._weights = weights
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._places: list[Place] = []

    @property
    def ranks(self) -> int:
        return self._weights.pool_ranks

    def in_use(self, site: Site) -> int:
        """Ranks up to the last one that an adapter of this site holds."""
        return max(
            (place.first + place.ranks[site] for place in self._places if place.ranks[site]), default=0
        )

    def has_room_for(self, rank: int) -> bool:
        return self.could_hold(rank, self._places)

    def could_hold(self, rank: int, places: list[Place]) -> bool:
        """Whether there would be `rank` neighbouring free ranks if only `places` were taken."""
        return self._gap(rank, places) is not None

    def place(self, adapter: HostAdapter) -> Place:
        """Copies an adapter in. Raises `ValueError` when no run of free ranks is long enough."""
        first = self._gap(adapter.rank, self._places)
        if first is None:
            raise ValueError(f"There are not {adapter.rank} neighbouring free ranks in the pool.")
        place = Place(first, adapter.rank, adapter.ranks)
        self._places.append(place)
        if self._stream is None:
            self._copy(adapter, place)
        else:
            # Steps that were launched may still read these ranks for the adapter that was here before, and
            # what they compute is remembered, even of a request that was cancelled.
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(self._stream):
                self._copy(adapter, place)
            torch.cuda.current_stream(self._device).wait_stream(self._stream)
        return place

    def free(self, place: Place) -> None:
        self._places.remove(place)

    def _gap(self, rank: int, places: list[Place]) -> int | None:
        at = 0
        for place in sorted(places, key=lambda each: each.first):
            if place.first - at >= rank:
                return at
            at = place.stop
        return at if self.ranks - at >= rank else None

    def _copy(self, adapter: HostAdapter, place: Place) -> None:
        for layer, sites in zip(self._weights.layers, adapter.sites, strict=True):
            for site, weights in zip(Site, layer.sites, strict=True):
                rank, source = place.ranks[site], sites[site]
                if rank == 0:
                    continue
                ranks = slice(place.first, place.first + rank)
                rows = slice(place.first * weights.projections, (place.first + rank) * weights.projections)
                if source is None:
                    weights.a[rows].zero_()
                    weights.b[ranks].zero_()
                    weights.scales[ranks].zero_()
                else:
                    weights.a[rows].copy_(source.a, non_blocking=True)
                    weights.b[ranks].copy_(source.b, non_blocking=True)
                    weights.scales[ranks].copy_(source.scales, non_blocking=True)
