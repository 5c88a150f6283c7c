"""Where an adapter's weights lie: one contiguous slab, and the views into it that the kernels read."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from inference.kernels.layout import LoraFactors, LoraTarget, Site
from inference.models.config import ModelConfig, in_rotary_order

_ALIGNMENT = 64  # bytes: a cache line, and more than any vector load asks for

SITE_MODULES: dict[Site, tuple[str, ...]] = {
    Site.QKV: ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    Site.O: ("self_attn.o_proj",),
    Site.GATE_UP: ("mlp.gate_proj", "mlp.up_proj"),
    Site.DOWN: ("mlp.down_proj",),
}


@dataclass(frozen=True, slots=True)
class ModuleWeights:
    """One adapted projection as it stands in the file: `a [rank, in]`, `b [out, rank]`."""

    a: torch.Tensor
    b: torch.Tensor
    scale: float


@dataclass(frozen=True, slots=True)
class AdapterWeights:
    """`factors[layer][site]`, None where nothing is adapted; every tensor is a view of `slab`."""

    slab: torch.Tensor
    factors: tuple[tuple[LoraFactors | None, ...], ...]

    @property
    def size_bytes(self) -> int:
        return self.slab.nbytes


def pack(
    config: ModelConfig,
    modules: dict[tuple[int, str], ModuleWeights],
    dtype: torch.dtype,
    device: torch.device,
) -> AdapterWeights:
    """Copies `modules`, by layer and module name (`self_attn.q_proj`), into one slab on `device`.

    The slab is filled on the host and crosses to the device in one copy.
    """
    alignment = _ALIGNMENT // dtype.itemsize
    size = sum(
        _aligned(module.a.numel(), alignment) + _aligned(module.b.numel(), alignment)
        for module in modules.values()
    )
    host = torch.zeros(size + _count_sites(modules) * alignment, dtype=dtype)
    slab = host if device.type == "cpu" else torch.empty_like(host, device=device)
    offset = 0

    def place(tensors: list[torch.Tensor]) -> torch.Tensor:
        """Lays 2-D tensors side by side (equal rows) into the slab; gives the view on the device."""
        nonlocal offset
        shape = (tensors[0].shape[0], sum(tensor.shape[1] for tensor in tensors))
        window = slice(offset, offset + shape[0] * shape[1])
        torch.cat([tensor.to(dtype) for tensor in tensors], dim=1, out=host[window].view(shape))
        offset += _aligned(shape[0] * shape[1], alignment)
        return slab[window].view(shape)

    factors = []
    for layer in range(config.num_layers):
        sites: list[LoraFactors | None] = []
        for names in SITE_MODULES.values():
            adapted = [modules.get((layer, name)) for name in names]
            if not any(adapted):
                sites.append(None)
                continue
            a = place([module.a.t() for module in adapted if module])
            targets = []
            for name, module in zip(names, adapted, strict=True):
                width = config.linear_shapes[name][0]
                if module is None:
                    targets.append(LoraTarget(0, width))
                else:
                    b = in_rotary_order(config, name, module.b)
                    targets.append(LoraTarget(len(module.a), width, place([b.t()]), module.scale))
            sites.append(LoraFactors(a, targets))
        factors.append(tuple(sites))
    if slab is not host:
        slab.copy_(host)
    return AdapterWeights(slab, tuple(factors))


def _count_sites(modules: dict[tuple[int, str], ModuleWeights]) -> int:
    site_of = {name: site for site, names in SITE_MODULES.items() for name in names}
    return len({(layer, site_of[name]) for layer, name in modules})


def _aligned(count: int, alignment: int) -> int:
    return -(-count // alignment) * alignment
