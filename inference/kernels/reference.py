"""The kernels in plain torch: the CPU path, and the oracle for those of other devices.

Every function is exact for mixed batches: a row's result depends on that row, its own cached keys and
values and its own adapter alone. Whatever another row holds, NaN included, cannot reach it.

Names and shapes used below. `num_rows` rows in a step, `hidden` features, `heads` query heads, `kv_heads`
key and value heads, `head_dim` features each. Activations, weights and caches share one dtype (float32,
bfloat16 or float16).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F

from inference.kernels.attention import PagedAttention
from inference.kernels.lora import LoraPlanner

__all__ = [
    "LoraPlanner",
    "PackedWeight",
    "PagedAttention",
    "linear",
    "linear_add_",
    "pack_weight",
    "rms_norm",
    "rotary_",
    "silu_mul",
]

# The products that torch.compile emits for frozen float32 weights; no public function reaches them.
_HAS_BLOCKED_LINEAR = torch.backends.mkldnn.is_available() and hasattr(
    torch.ops.mkldnn, "_reorder_linear_weight"
)
_HAS_HALF_LINEAR = "fbgemm" in torch.backends.quantized.supported_engines
_MAX_BLOCKED = 1 << 23  # numbers in a weight that is kept in two layouts


def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """`x / sqrt(mean(x^2) + eps) * weight` over the last dimension (arXiv 1910.07467).

    New tensor, shape of `x`.
    """
    if x.dtype in (torch.float16, torch.bfloat16):
        return F.rms_norm(x, weight.shape, weight, eps)  # sums in float32
    # Torch's own takes ten times as long for a thousand rows of float32.
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x.mul(torch.addcmul(_number(eps), norm, norm, value=1 / x.shape[-1]).rsqrt_()).mul_(weight)


@cache
def _number(value: float) -> torch.Tensor:
    return torch.tensor(value)


@dataclass(frozen=True, slots=True)
class PackedWeight:
    """A weight in the forms in which `linear` and `linear_add_` read it fastest. Made by `pack_weight`."""

    half: torch.ScriptObject | None  # float16 in FBGEMM's layout; then the others are None
    transposed: torch.Tensor | None  # [in, out]
    blocked: torch.Tensor | None  # oneDNN's own layout, for two rows or more


def pack_weight(weight: torch.Tensor) -> PackedWeight:
    """Packs `weight [out, in]`.

    Reading the weights is most of a small step on a CPU. Those of a checkpoint in bfloat16 fit into float16
    all but exactly: FBGEMM then multiplies float32 rows with half the bytes, and sums in float32.

    Otherwise: MKL copies a wide weight into a blocked layout at every call; oneDNN can keep it in one, and
    takes about half the time at 2 to 25 rows. A single row is faster from the plain weight, so that both
    are kept where that costs little memory.
    """
    out_features, in_features = weight.shape
    on_cpu = weight.device.type == "cpu" and weight.dtype == torch.float32
    if on_cpu and _HAS_HALF_LINEAR and _fits_half(weight):
        return PackedWeight(torch.ops.quantized.linear_prepack_fp16(weight.contiguous(), None), None, None)
    blocked = None
    if out_features >= 2 * in_features and weight.numel() <= _MAX_BLOCKED and on_cpu and _HAS_BLOCKED_LINEAR:
        blocked = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
    return PackedWeight(None, weight.t().contiguous(), blocked)


def _fits_half(weight: torch.Tensor) -> bool:
    """Whether float16 changes the weight by less than float32's rounding changes its products."""
    return bool((weight.half().float() - weight).norm() <= 2**-24 * weight.norm())


def linear(x: torch.Tensor, weight: PackedWeight, bias: torch.Tensor | None = None) -> torch.Tensor:
    """`x [num_rows, in]` times `weight`, plus `bias [out]`. New tensor `[num_rows, out]`."""
    if weight.half is not None:
        y = torch.ops.quantized.linear_dynamic_fp16(x, weight.half)
        return y if bias is None else y.add_(bias)
    if weight.blocked is not None and len(x) > 1:
        return torch.ops.mkldnn._linear_pointwise.default(x, weight.blocked, bias, "none", [], "")
    if bias is None:
        return torch.mm(x, weight.transposed)
    return torch.addmm(bias, x, weight.transposed)


def linear_add_(
    y: torch.Tensor, x: torch.Tensor, weight: PackedWeight, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Adds `x [num_rows, in]` times `weight`, plus `bias [out]`, to `y [num_rows, out]` in place."""
    if weight.half is not None:
        y.add_(torch.ops.quantized.linear_dynamic_fp16(x, weight.half))
    else:
        y.addmm_(x, weight.transposed)
    return y if bias is None else y.add_(bias)


def rotary_(x: torch.Tensor, turns: torch.Tensor) -> None:
    """Rotates the heads of `x [num_rows, heads, head_dim]` in place (arXiv 2104.09864).

    The two numbers of a pair stand side by side (`rotary_order`); `turns` complex64 is
    `[num_rows, 1, head_dim / 2]`.
    """
    pairs = x.unflatten(-1, (-1, 2))
    if x.dtype == torch.float32:
        torch.view_as_complex(pairs).mul_(turns)
    else:
        pairs.copy_(torch.view_as_real(torch.view_as_complex(pairs.to(turns.real.dtype)) * turns))


def silu_mul(gate_up: torch.Tensor) -> torch.Tensor:
    """`silu(gate) * up` of `[num_rows, 2 * intermediate]`. New tensor `[num_rows, intermediate]`."""
    gate, up = gate_up.chunk(2, dim=-1)
    return F.silu(gate).mul_(up)
