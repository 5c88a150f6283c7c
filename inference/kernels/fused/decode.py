"""Attention of single new tokens over the paged cache, the context split among programs (flash decoding)."""

from __future__ import annotations

import triton
import triton.language as tl
from triton.language.extra import cuda as device


@triton.jit
def decode_attention(
    query,  # [num_rows, heads * head_dim]
    key_cache,  # [blocks, block_size, kv_heads, head_dim]
    value_cache,
    tables,  # int32 [places, tables_stride]
    tables_stride,
    places,  # int32 [num_rows]: each row's line in `tables`
    lengths,  # int32 [num_rows]: tokens to attend to, the new one included; 0 skips the row
    out,  # [num_rows, heads * head_dim], where SPLITS is 1
    parts,  # float32 [num_rows, SPLITS, heads, head_dim], else
    weights,  # float32 [num_rows, SPLITS, heads]: log of the softmax's denominator
    scale,
    window,  # the most tokens a query sees
    HEADS: tl.constexpr,
    KV_HEADS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
    SPLITS: tl.constexpr,
    SIZE: tl.constexpr,  # query heads of a program: at least the 16 that tl.dot takes
    PDL: tl.constexpr,
):
    """One program per row, key-value head and split."""
    row, kv_head, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    GROUP: tl.constexpr = HEADS // KV_HEADS
    g, d = tl.arange(0, SIZE), tl.arange(0, HEAD_DIM)
    heads = kv_head * GROUP + g
    mine = g < GROUP
    length = tl.load(lengths + row)
    begin = tl.maximum(length - window, 0)
    if PDL:
        device.gdc_wait()
    table = tables + tl.load(places + row).to(tl.int64) * tables_stride
    q = tl.load(
        query + row.to(tl.int64) * HEADS * HEAD_DIM + heads[:, None] * HEAD_DIM + d[None, :],
        mask=mine[:, None],
        other=0.0,
    )
    part = tl.cdiv(tl.cdiv(length - begin, BLOCK), SPLITS) * BLOCK
    low = begin + split * part
    high = tl.minimum(low + part, length)
    top = tl.full([SIZE], float("-inf"), tl.float32)
    total = tl.zeros([SIZE], tl.float32)
    acc = tl.zeros([SIZE, HEAD_DIM], tl.float32)
    for start in range(low, high, BLOCK):
        t = start + tl.arange(0, BLOCK)
        ok = t < high
        block = tl.load(table + t // BLOCK_SIZE, mask=ok, other=0).to(tl.int64)
        at = (block * BLOCK_SIZE + t % BLOCK_SIZE) * (KV_HEADS * HEAD_DIM) + kv_head * HEAD_DIM
        k = tl.load(key_cache + at[:, None] + d[None, :], mask=ok[:, None], other=0.0)
        v = tl.load(value_cache + at[:, None] + d[None, :], mask=ok[:, None], other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        scores = tl.where(ok[None, :], scores, float("-inf"))
        new_top = tl.maximum(top, tl.max(scores, 1))
        p = tl.exp2((scores - new_top[:, None]) * 1.4426950408889634)
        shrink = tl.exp2((top - new_top) * 1.4426950408889634)
        total = total * shrink + tl.sum(p, 1)
        acc = acc * shrink[:, None] + tl.dot(p.to(v.dtype), v, input_precision="ieee")
        top = new_top
    some = high > low
    total = tl.where(some, total, 1.0)
    if SPLITS == 1:
        at = out + row.to(tl.int64) * HEADS * HEAD_DIM + heads[:, None] * HEAD_DIM + d[None, :]
        tl.store(at, (acc / total[:, None]).to(out.dtype.element_ty), mask=mine[:, None])
    else:
        at = (row * SPLITS + split) * HEADS + heads
        tl.store(parts + at[:, None] * HEAD_DIM + d[None, :], acc / total[:, None], mask=mine[:, None])
        tl.store(weights + at, tl.where(some, top + tl.log(total), float("-inf")), mask=mine)
    if PDL:
        device.gdc_launch_dependents()


@triton.jit
def merge_splits(
    parts, weights, out, HEADS: tl.constexpr, HEAD_DIM: tl.constexpr, SPLITS: tl.constexpr, PDL: tl.constexpr
):
    """Puts the splits of one row and head together; one program for each."""
    row, head = tl.program_id(0), tl.program_id(1)
    s, d = tl.arange(0, SPLITS), tl.arange(0, HEAD_DIM)
    at = (row * SPLITS + s) * HEADS + head
    if PDL:
        device.gdc_wait()
    logs = tl.load(weights + at)
    top = tl.max(logs, 0)
    share = tl.exp(logs - tl.where(top == float("-inf"), 0.0, top))
    share = share / tl.maximum(tl.sum(share, 0), 1e-30)
    values = tl.load(parts + at[:, None] * HEAD_DIM + d[None, :])
    merged = tl.sum(values * share[:, None], 0)
    tl.store(out + (row.to(tl.int64) * HEADS + head) * HEAD_DIM + d, merged.to(out.dtype.element_ty))
    if PDL:
        device.gdc_launch_dependents()
