"""The kernels in plain torch: the CPU path, and the oracle for those of other devices.

Every function is exact for mixed batches: a row's result depends on that row, its own cached keys and
values and its own adapter alone. Whatever another row holds, NaN included, cannot reach it.

Names and shapes used below. `num_rows` rows in a step, `hidden` features, `heads` query heads, `kv_heads`
key and value heads, `head_dim` features each. Activations, weights and caches share one dtype (float32,
bfloat16 or float16). The cache of a layer is `[num_slots, 2, kv_heads, head_dim]`: a token's key and
value side by side, slots in block order (`[num_blocks, block_size, ...]` flattened). Its last block is
never written and holds zeros.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from inference.kernels.layout import LoraSegment, Site, Span


def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """`x / sqrt(mean(x^2) + eps) * weight` over the last dimension (arXiv 1910.07467).

    New tensor, shape of `x`.
    """
    return F.rms_norm(x, weight.shape, weight, eps)


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """`x [num_rows, in]` times `weight [in, out]`, plus `bias [out]`. New tensor `[num_rows, out]`."""
    return torch.mm(x, weight) if bias is None else torch.addmm(bias, x, weight)


def linear_add_(
    y: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Adds `x [num_rows, in]` times `weight [in, out]`, plus `bias [out]`, to `y [num_rows, out]`."""
    y.addmm_(x, weight)
    return y if bias is None else y.add_(bias)


def lora_shrink(
    x: torch.Tensor, segments: Sequence[LoraSegment], layer: int, site: Site
) -> list[torch.Tensor]:
    """`x A^T` for the rows of each segment, all projections of the site at once.

    `x` is `[num_rows, in_features]`. Gives one `[rows, sum of ranks]` tensor per segment that adapts this
    site, in segment order, for `lora_expand_`.
    """
    shrunk = []
    for segment in segments:
        factors = segment.factors[layer][site]
        if factors is not None:
            shrunk.append(torch.mm(x[segment.start : segment.stop], factors.a))
    return shrunk


def lora_expand_(
    y: torch.Tensor, shrunk: list[torch.Tensor], segments: Sequence[LoraSegment], layer: int, site: Site
) -> None:
    """Adds `scale * (x A^T) B^T` in place to the adapted columns of `y [num_rows, out_features]`."""
    remaining = iter(shrunk)
    for segment in segments:
        factors = segment.factors[layer][site]
        if factors is not None:
            low = next(remaining)
            rows = y[segment.start : segment.stop]
            for target in factors.targets:
                rows[:, target.columns].addmm_(low[:, target.ranks], target.b, alpha=target.scale)


def rotary_(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> None:
    """Rotates the heads of `x [num_rows, heads, head_dim]` in place (arXiv 2104.09864).

    `cos` and `sin` are `[num_rows, 1, head_dim]`; the first half of `sin` is negated
    (see `RotaryEmbedding.tables`).
    """
    swapped = x.roll(x.shape[-1] // 2, -1)
    x.mul_(cos).addcmul_(swapped, sin)


def store_kv(key_value: torch.Tensor, cache: torch.Tensor, slots: torch.Tensor) -> None:
    """Writes row `i` of `key_value [num_rows, 2 * kv_heads * head_dim]` to cache slot `slots[i]` (int64)."""
    cache.view(cache.shape[0], -1).index_copy_(0, slots, key_value)


def silu_mul(gate_up: torch.Tensor) -> torch.Tensor:
    """`silu(gate) * up` of `[num_rows, 2 * intermediate]`. New tensor `[num_rows, intermediate]`."""
    gate, up = gate_up.chunk(2, dim=-1)
    return F.silu(gate).mul_(up)


@dataclass(frozen=True, slots=True)
class DecodeGroup:
    """Single-token rows of similar context length, attended in one call. `length` is the longest among them.

    `slots` int64 `[rows * length]` names the cached tokens, padded with a slot that holds zeros; `mask`
    is 0 or -inf `[rows, 1, 1, length]`, None where nothing is padded. `rows` selects them from the step.
    """

    rows: slice | torch.Tensor
    slots: torch.Tensor
    length: int
    mask: torch.Tensor | None


@dataclass(frozen=True, slots=True)
class PrefillChunk:
    """Several rows of one sequence. `slots` int64 `[context]` are the cached tokens they may attend to.

    `mask` is bool `[rows, context]`, None where it is plainly causal over `rows` = `context` tokens.
    """

    rows: slice
    slots: torch.Tensor
    mask: torch.Tensor | None


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    decode: tuple[DecodeGroup, ...]
    prefill: tuple[PrefillChunk, ...]


def plan_attention(
    spans: Sequence[Span], block_size: int, num_slots: int, window: int | None, like: torch.Tensor
) -> AttentionPlan:
    """Prepares `paged_attention` for all layers of a step.

    A token attends to itself and to what came before it, at most `window` tokens in all. `num_slots` is
    the size of the cache, whose last slot is zero. Masks get dtype and device of `like`.
    """
    single = [span for span in spans if span.new == 1]
    decode = tuple(
        _plan_decode(group, len(single), block_size, num_slots, window, like)
        for group in _group_by_length(single)
    )
    prefill = tuple(_plan_prefill(span, block_size, window, like) for span in spans if span.new > 1)
    return AttentionPlan(decode, prefill)


def _group_by_length(spans: list[Span]) -> list[list[Span]]:
    """Groups in which the longest context is at most twice the shortest, so that little is padded."""
    if not spans:
        return []
    longest, shortest = max(span.context for span in spans), min(span.context for span in spans)
    if longest <= 2 * shortest:
        return [spans]
    groups: list[list[Span]] = []
    for span in sorted(spans, key=lambda span: -span.context):
        if not groups or groups[-1][0].context > 2 * span.context:
            groups.append([])
        groups[-1].append(span)
    return groups


def _plan_decode(
    spans: list[Span],
    num_single: int,
    block_size: int,
    num_slots: int,
    window: int | None,
    like: torch.Tensor,
) -> DecodeGroup:
    contexts = torch.tensor([span.context for span in spans])
    first = (contexts - window).clamp_(min=0) if window else torch.zeros_like(contexts)
    longest, shortest = int((contexts - first).max()), int((contexts - first).min())
    num_blocks = max(-(-span.context // block_size) for span in spans)
    tables = torch.tensor(
        list(
            itertools.chain.from_iterable(
                (span.block_table + [0] * (num_blocks - len(span.block_table)))[:num_blocks] for span in spans
            )
        )
    ).view(len(spans), num_blocks)
    if window is None or num_blocks * block_size <= window:
        slots = (tables[:, :, None] * block_size + torch.arange(block_size)).view(len(spans), -1)[:, :longest]
    else:
        positions = (first[:, None] + torch.arange(longest)).clamp_(max=num_blocks * block_size - 1)
        slots = tables.gather(1, positions // block_size) * block_size + positions % block_size
    mask = None
    if shortest != longest:
        padding = torch.arange(longest) >= (contexts - first)[:, None]
        slots = slots.masked_fill(padding, num_slots - 1)
        mask = torch.zeros(padding.shape, dtype=like.dtype).masked_fill_(padding, float("-inf"))
        mask = mask[:, None, None, :].to(like.device)
    rows = slice(0, num_single)
    if len(spans) < num_single:
        rows = torch.tensor([span.start for span in spans], device=like.device)
    return DecodeGroup(rows, slots.reshape(-1).to(like.device), longest, mask)


def _plan_prefill(span: Span, block_size: int, window: int | None, like: torch.Tensor) -> PrefillChunk:
    first = max(0, span.computed - window + 1) if window else 0
    positions = torch.arange(first, span.context)
    blocks = torch.tensor(span.block_table)
    slots = blocks[positions // block_size] * block_size + positions % block_size
    mask = None
    if span.computed > 0 or (window and span.context > window):
        queries = torch.arange(span.computed, span.context)[:, None]
        mask = positions <= queries
        if window:
            mask &= positions > queries - window
        mask = mask.to(like.device)
    return PrefillChunk(slice(span.start, span.stop), slots.to(like.device), mask)


def paged_attention(query: torch.Tensor, cache: torch.Tensor, plan: AttentionPlan) -> torch.Tensor:
    """Softmax attention of `query [num_rows, heads, head_dim]` over each row's own cached tokens.

    Scaled by `1 / sqrt(head_dim)`; `heads / kv_heads` neighbouring query heads share a key-value head.
    The step's own keys and values are already stored. New tensor `[num_rows, heads * head_dim]`.
    """
    num_rows, heads, head_dim = query.shape
    kv_heads = cache.shape[2]
    out = None
    if len(plan.decode) + len(plan.prefill) > 1:
        out = query.new_empty(num_rows, heads, head_dim)
    for group in plan.decode:
        # The heads that share a key-value head stand where a sequence of queries would: keys are read
        # once for all.
        q = query[group.rows].view(-1, kv_heads, heads // kv_heads, head_dim)
        keys, values = (
            cache.index_select(0, group.slots).view(-1, group.length, 2, kv_heads, head_dim).unbind(2)
        )
        attended = F.scaled_dot_product_attention(
            q, keys.transpose(1, 2), values.transpose(1, 2), attn_mask=group.mask
        ).reshape(-1, heads, head_dim)
        if out is None:
            return attended.view(num_rows, -1)
        out[group.rows] = attended
    for chunk in plan.prefill:
        q = query[chunk.rows].transpose(0, 1).unsqueeze(0)
        keys, values = cache.index_select(0, chunk.slots).permute(1, 2, 0, 3).unsqueeze(1).unbind(0)
        attended = F.scaled_dot_product_attention(
            q, keys, values, attn_mask=chunk.mask, is_causal=chunk.mask is None, enable_gqa=True
        )[0].transpose(0, 1)
        if out is None:
            return attended.reshape(num_rows, -1)
        out[chunk.rows] = attended
    return out.view(num_rows, -1)
