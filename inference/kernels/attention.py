"""Attention over a paged key-value cache in plain torch, for prompts and for decoding.

The cache of a layer is `[num_slots, 2, kv_heads, head_dim]`: a token's key and value side by side, slots
in block order (`[num_blocks, block_size, ...]` flattened). The last block is never written and holds
zeros: what a shorter row is padded with must be finite, whatever freed blocks still hold.

Reading a paged cache means copying it together at every step. Rows that go on decoding from step to step
therefore keep a dense copy of their keys and values, to which each step adds one token.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from inference.kernels.layout import Span

_HEADROOM = 128  # tokens by which a dense copy can grow before it is made anew
_MAX_DENSE_BYTES = 512 << 20  # of all layers; larger groups read the pages


@dataclass(eq=False, slots=True)
class DenseCopy:
    """Keys and values of decoding rows, `[2, rows, kv_heads, capacity, head_dim]` a layer, else zero."""

    tables: list[list[int]]
    contexts: list[int]
    capacity: int
    lines: torch.Tensor  # int64: where each row's last token is, in a layer seen as [lines, head_dim]
    layers: list[torch.Tensor] = field(default_factory=list)

    def advance(self, spans: Sequence[Span]) -> bool:
        """Whether `spans` are these rows one token later; if so, this copy now stands for them.

        Rows that miss a step are forgotten, so equal blocks and one token more mean the same sequence, or one
        that took over all of its blocks, which hold the same.
        """
        if len(spans) != len(self.contexts) or max(span.context for span in spans) > self.capacity:
            return False
        for span, table, context in zip(spans, self.tables, self.contexts, strict=True):
            if span.context != context + 1 or span.block_table[: len(table)] != table:
                return False
        self.contexts = [span.context for span in spans]
        self.lines = self.lines + 1
        for span, table in zip(spans, self.tables, strict=True):
            table += span.block_table[len(table) :]
        return True


@dataclass(frozen=True, slots=True)
class DecodeGroup:
    """Single-token rows of similar context length, attended in one call. `length` is the longest among them.

    `rows` selects them from the step. `mask` is 0 or -inf `[rows, 1, 1, length]`, None where nothing is
    padded. `slots` int64 `[rows * length]` names the cached tokens, None where `dense` has them already.
    """

    rows: slice
    length: int
    mask: torch.Tensor | None
    slots: torch.Tensor | None
    dense: DenseCopy | None


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
    """Who attends to what in one step. `slots` int64 `[num_rows]` is where each row's key and value go."""

    slots: torch.Tensor
    decode: tuple[DecodeGroup, ...]
    prefill: tuple[PrefillChunk, ...]


class PagedAttention:
    """Stores keys and values and attends to them. A token sees itself and what came before it, at most
    `window` tokens in all. `caches` holds one cache per layer.
    """

    def __init__(self, caches: Sequence[torch.Tensor], block_size: int, window: int | None):
        self.caches = list(caches)
        self.block_size = block_size
        self.window = window
        self._dense: list[DenseCopy] = []

    def plan(self, spans: Sequence[Span]) -> AttentionPlan:
        """Prepares `store` and `attend` for all layers of a step.

        To be called once for each step, in order.
        """
        single = [span for span in spans if span.new == 1]
        lengths = decode_groups([span.context for span in single])
        decode = tuple(
            self._plan_decode([span for span, _ in group])
            for _, group in itertools.groupby(zip(single, lengths, strict=True), key=lambda pair: pair[1])
        )
        self._dense = [group.dense for group in decode if group.dense is not None]
        prefill = tuple(self._plan_prefill(span) for span in spans if span.new > 1)
        slots = [
            span.block_table[position // self.block_size] * self.block_size + position % self.block_size
            for span in spans
            for position in range(span.computed, span.context)
        ]
        return AttentionPlan(self._tensor(slots), decode, prefill)

    def store(self, plan: AttentionPlan, layer: int, key_value: torch.Tensor) -> None:
        """Takes in the step's keys and values, `[num_rows, 2 * kv_heads * head_dim]`, keys first."""
        cache = self.caches[layer]
        cache.view(len(cache), -1).index_copy_(0, plan.slots, key_value)
        for group in plan.decode:
            if group.dense is None:
                continue
            if group.slots is not None:
                self._fill(group, layer)
                continue
            head_dim = cache.shape[-1]
            new = key_value[group.rows].reshape(-1, head_dim)
            group.dense.layers[layer].view(-1, head_dim).index_copy_(0, group.dense.lines, new)

    def attend(self, plan: AttentionPlan, layer: int, query: torch.Tensor) -> torch.Tensor:
        """Softmax attention of `query [num_rows, heads, head_dim]` over each row's own stored tokens.

        Scaled by `1 / sqrt(head_dim)`; `heads / kv_heads` neighbouring query heads share a key-value
        head. New tensor `[num_rows, heads * head_dim]`.
        """
        num_rows, heads, head_dim = query.shape
        cache = self.caches[layer]
        kv_heads = cache.shape[2]
        out = None
        if len(plan.decode) + len(plan.prefill) > 1:
            out = query.new_empty(num_rows, heads, head_dim)
        for group in plan.decode:
            # Heads that share a key-value head stand where a sequence of queries would: keys are read
            # once for all.
            q = query[group.rows].view(-1, kv_heads, heads // kv_heads, head_dim)
            if group.dense is not None:
                keys, values = group.dense.layers[layer][:, :, :, : group.length].unbind(0)
            else:
                keys, values = self._gather(group, layer).unbind(0)
            attended = F.scaled_dot_product_attention(q, keys, values, attn_mask=group.mask)
            attended = attended.reshape(-1, heads, head_dim)
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

    def _gather(self, group: DecodeGroup, layer: int) -> torch.Tensor:
        """Keys and values `[2, rows, kv_heads, length, head_dim]` of a group, read from the pages."""
        cache = self.caches[layer]
        gathered = cache.index_select(0, group.slots).view(-1, group.length, *cache.shape[1:])
        return gathered.permute(2, 0, 3, 1, 4)

    def _fill(self, group: DecodeGroup, layer: int) -> None:
        read = self._gather(group, layer)
        dense = read.new_empty(*read.shape[:3], group.dense.capacity, read.shape[4])
        dense[:, :, :, : group.length] = read
        dense[:, :, :, group.length :].zero_()  # padding of the shorter rows, once the longest has grown
        group.dense.layers.append(dense)

    def _plan_decode(self, spans: list[Span]) -> DecodeGroup:
        lengths = [min(span.context, self.window or span.context) for span in spans]
        length = max(lengths)
        padding = mask = None
        if min(lengths) < length:
            padding = torch.arange(length) >= torch.tensor(lengths)[:, None]
            mask = torch.zeros(padding.shape, dtype=self.caches[0].dtype)
            mask = mask.masked_fill_(padding, float("-inf"))[:, None, None, :].to(self.caches[0].device)
        rows = slice(spans[0].start, spans[-1].stop)
        for dense in self._dense:
            if dense.advance(spans):
                return DecodeGroup(rows, length, mask, None, dense)
        slots = self._slots_of(spans, lengths, length, padding)
        return DecodeGroup(rows, length, mask, slots, self._new_dense(spans, length))

    def _new_dense(self, spans: list[Span], length: int) -> DenseCopy | None:
        """A copy to be filled, or None where positions slide out of sight or the copy would be too large."""
        if self.window and any(span.context + _HEADROOM > self.window for span in spans):
            return None
        capacity = length + max(_HEADROOM, length // 4)
        token_bytes = self.caches[0][0].nbytes * len(self.caches)
        if len(spans) * capacity * token_bytes > _MAX_DENSE_BYTES:
            return None
        if self.window:
            capacity = min(capacity, self.window)
        contexts = [span.context for span in spans]
        return DenseCopy(
            tables=[list(span.block_table) for span in spans],
            contexts=contexts,
            capacity=capacity,
            lines=self._lines(contexts, capacity),
        )

    def _lines(self, contexts: list[int], capacity: int) -> torch.Tensor:
        """Of each row's last token, the lines of its key and value heads: `[rows * 2 * kv_heads]`."""
        num_rows, kv_heads = len(contexts), self.caches[0].shape[2]
        sides, heads = torch.arange(2)[:, None], torch.arange(kv_heads)
        starts = (sides * num_rows + torch.arange(num_rows)[:, None, None]) * kv_heads + heads
        lines = starts * capacity + torch.tensor(contexts)[:, None, None] - 1
        return lines.view(-1).to(self.caches[0].device)

    def _slots_of(
        self, spans: list[Span], lengths: list[int], length: int, padding: torch.Tensor | None
    ) -> torch.Tensor:
        """Slots of the last of each span's tokens, as many as `lengths` says, padded with a slot of zeros."""
        first = torch.tensor([span.context - own for span, own in zip(spans, lengths, strict=True)])
        num_blocks = max(-(-span.context // self.block_size) for span in spans)
        padded = (span.block_table + [0] * (num_blocks - len(span.block_table)) for span in spans)
        blocks = list(itertools.chain.from_iterable(table[:num_blocks] for table in padded))
        tables = torch.tensor(blocks).view(len(spans), num_blocks)
        last = num_blocks * self.block_size - 1
        positions = (first[:, None] + torch.arange(length)).clamp_(max=last)
        slots = tables.gather(1, positions // self.block_size) * self.block_size + positions % self.block_size
        if padding is not None:
            slots.masked_fill_(padding, len(self.caches[0]) - 1)
        return slots.reshape(-1).to(self.caches[0].device)

    def _plan_prefill(self, span: Span) -> PrefillChunk:
        first = max(0, span.computed - self.window + 1) if self.window else 0
        positions = torch.arange(first, span.context)
        blocks = torch.tensor(span.block_table)
        slots = blocks[positions // self.block_size] * self.block_size + positions % self.block_size
        mask = None
        if span.computed > 0 or (self.window and span.context > self.window):
            queries = torch.arange(span.computed, span.context)[:, None]
            mask = positions <= queries
            if self.window:
                mask &= positions > queries - self.window
            mask = mask.to(self.caches[0].device)
        return PrefillChunk(slice(span.start, span.stop), slots.to(self.caches[0].device), mask)

    def _tensor(self, numbers: list[int]) -> torch.Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=self.caches[0].device)


def decode_groups(contexts: Sequence[int]) -> list[int]:
    """For each of these context lengths its group, named by the longest in it.

    The longest context of a group is at most twice its shortest, so that little is padded. Rows of a group
    should stand side by side in a step: they are attended in one call.
    """
    group_of: dict[int, int] = {}
    longest = 0
    for context in sorted(set(contexts), reverse=True):
        if not group_of or longest > 2 * context:
            longest = context
        group_of[context] = longest
    return [group_of[context] for context in contexts]
