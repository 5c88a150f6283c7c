"""What follows the four products of a layer. `N` columns of the product, `H` hidden, `P` partial sums.

Launch with one program per tile and column block. `M` is the most rows of a tile: 1 multiplies B row by row,
16 and more use the tensor cores and read B once for all rows of the tile.
"""

from __future__ import annotations

import triton
import triton.language as tl
from triton.language.extra import cuda as device


@triton.jit
def _norm_scale(squares, rows, ok, eps, H: tl.constexpr, P: tl.constexpr, P2: tl.constexpr):
    """`1 / rms` of rows `[M]` from their partial sums of squares, float32 `[num_rows, P]`."""
    p = tl.arange(0, P2)[None, :]
    parts = tl.load(squares + rows[:, None] * P + p, mask=ok[:, None] & (p < P), other=0.0)
    return 1 / tl.sqrt(tl.sum(parts, 1) / H + eps)


@triton.jit
def _expand(
    acc,  # float32 [M, C]
    shrunk,  # [M, 1]: where each row's numbers of this projection begin
    scales,  # where the adapter's scales of it begin
    b,  # [C]: where the columns begin, each with its adapter's first rank
    ok,
    rank,
    N: tl.constexpr,
    PROJECTIONS: tl.constexpr,
    M: tl.constexpr,
    R: tl.constexpr,
    STEPS: tl.constexpr,
):
    """Adds `scale * shrunk B^T` of one projection. `b [ranks, N]`, `scales` float32 `[ranks, projections]`.

    No rank is higher than `STEPS * R`. All loads are independent, so that they are on their way at once.
    """
    if M == 1:
        # Rank by rank: each thread keeps its columns, and nothing is summed across threads.
        ranks = tl.where(ok, rank, 0)  # [1]
        for r in tl.static_range(STEPS * R):
            s = tl.load(shrunk + r * PROJECTIONS, mask=(ranks > r)[:, None], other=0.0).to(tl.float32)
            s *= tl.load(scales + r * PROJECTIONS + tl.zeros_like(ranks), mask=ranks > r, other=0.0)[:, None]
            acc += s * tl.load(b[None, :] + r * N, mask=(ranks > r)[:, None], other=0.0).to(tl.float32)
    else:
        for step in tl.static_range(STEPS):
            r = step * R + tl.arange(0, R)
            in_rank = r < rank
            at = (r * PROJECTIONS)[None, :]
            s = tl.load(shrunk + at, mask=ok[:, None] & in_rank[None, :], other=0.0).to(tl.float32)
            s *= tl.load(scales + at, mask=in_rank[None, :], other=0.0)
            part = tl.load(b[None, :] + r[:, None] * N, mask=in_rank[:, None], other=0.0)
            acc += tl.dot(s.to(part.dtype), part, input_precision="ieee")
    return acc


@triton.jit
def _adapter(
    tiles, tile, rows, shrunk, shrunk_stride, scales, PROJECTIONS: tl.constexpr, COMPACT: tl.constexpr
):
    """First rank and rank of a tile's adapter, and where its shrunk rows and its scales begin."""
    first = tl.load(tiles + tile * 4 + 2)
    rank = tl.load(tiles + tile * 4 + 3)
    column = 0 if COMPACT else first * PROJECTIONS
    return (
        first,
        rank,
        shrunk + (rows.to(tl.int64) * shrunk_stride + column)[:, None],
        scales + first * PROJECTIONS,
    )


@triton.jit
def embed(
    tokens,  # int32 [num_rows]
    sources,  # int32 [num_rows]: the row of `sampled` that holds the token, or -1
    sampled,  # int32: what the last step chose
    embedding,
    norm,
    residual,  # out
    normed,  # out: residual * norm, not yet divided by the rms
    squares,  # out
    H: tl.constexpr,
    P: tl.constexpr,
):
    row, chunk = tl.program_id(0), tl.program_id(1)
    source = tl.load(sources + row)
    token = tl.load(tokens + row)
    token = tl.where(source >= 0, tl.load(sampled + tl.maximum(source, 0)), token)
    token = tl.maximum(token, 0)
    SIZE: tl.constexpr = H // P
    at = chunk * SIZE + tl.arange(0, SIZE)
    x = tl.load(embedding + token.to(tl.int64) * H + at)
    tl.store(residual + row * H + at, x)
    x = x.to(tl.float32)
    weight = tl.load(norm + at).to(tl.float32)
    tl.store(normed + row * H + at, (x * weight).to(normed.dtype.element_ty))
    tl.store(squares + row * P + chunk, tl.sum(x * x, 0))


@triton.jit
def attention_inputs(
    y,
    y_stride,
    bias,
    squares,
    eps,
    tiles,
    shrunk,
    shrunk_stride,
    scales,
    b,
    positions,  # int32 [num_rows]
    cos,  # float32 [longest, head_dim / 2]
    sin,
    slots,  # int32 [num_rows]: where in the cache
    query,  # out [num_rows, heads * head_dim]
    key_cache,
    value_cache,
    HEADS: tl.constexpr,
    KV_HEADS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    H: tl.constexpr,
    P: tl.constexpr,
    P2: tl.constexpr,  # P, or the next power of two
    M: tl.constexpr,
    R: tl.constexpr,
    STEPS: tl.constexpr,
    LORA: tl.constexpr,
    COMPACT: tl.constexpr,
    BIAS: tl.constexpr,
    PDL: tl.constexpr,
):
    """Rotates queries and keys (arXiv 2104.09864), stores keys and values; a program per tile and head."""
    tile, head = tl.program_id(0), tl.program_id(1)
    HALF: tl.constexpr = HEAD_DIM // 2
    N: tl.constexpr = (HEADS + 2 * KV_HEADS) * HEAD_DIM
    num = tl.load(tiles + tile * 4 + 1)
    if PDL:
        device.gdc_wait()
    if num > 0:
        start = tl.load(tiles + tile * 4)
        m = tl.arange(0, M)
        ok = m < num
        rows = start + m
        o = tl.arange(0, HALF)
        columns = head * HEAD_DIM + o
        at = rows.to(tl.int64)[:, None] * y_stride + columns[None, :]
        y1 = tl.load(y + at, mask=ok[:, None], other=0.0).to(tl.float32)
        y2 = tl.load(y + at + HALF, mask=ok[:, None], other=0.0).to(tl.float32)
        if LORA:
            first, rank, low, weights = _adapter(tiles, tile, rows, shrunk, shrunk_stride, scales, 3, COMPACT)
            which = tl.where(head < HEADS, 0, tl.where(head < HEADS + KV_HEADS, 1, 2))
            part = b + first.to(tl.int64) * N + columns
            y1 = _expand(y1, low + which, weights + which, part, ok, rank, N, 3, M, R, STEPS)
            y2 = _expand(y2, low + which, weights + which, part + HALF, ok, rank, N, 3, M, R, STEPS)
        scale = _norm_scale(squares, rows, ok, eps, H, P, P2)[:, None]
        y1 *= scale
        y2 *= scale
        if BIAS:
            y1 += tl.load(bias + columns).to(tl.float32)[None, :]
            y2 += tl.load(bias + columns + HALF).to(tl.float32)[None, :]
        if head < HEADS + KV_HEADS:
            position = tl.load(positions + rows, mask=ok, other=0)
            c = tl.load(cos + position[:, None] * HALF + o[None, :])
            s = tl.load(sin + position[:, None] * HALF + o[None, :])
            z1, z2 = y1 * c - y2 * s, y2 * c + y1 * s
        else:
            z1, z2 = y1, y2
        if head < HEADS:
            out = query + rows.to(tl.int64)[:, None] * (HEADS * HEAD_DIM) + columns[None, :]
        else:
            slot = tl.load(slots + rows, mask=ok, other=0).to(tl.int64)[:, None] * (KV_HEADS * HEAD_DIM)
            if head < HEADS + KV_HEADS:
                out = key_cache + slot + (columns - HEADS * HEAD_DIM)[None, :]
            else:
                out = value_cache + slot + (columns - (HEADS + KV_HEADS) * HEAD_DIM)[None, :]
        tl.store(out, z1.to(query.dtype.element_ty), mask=ok[:, None])
        tl.store(out + HALF, z2.to(query.dtype.element_ty), mask=ok[:, None])
    if PDL:
        device.gdc_launch_dependents()


@triton.jit
def silu_mul(
    y,
    y_stride,
    bias,
    squares,
    eps,
    tiles,
    shrunk,
    shrunk_stride,
    scales,
    b,
    out,  # [num_rows, INTER]
    INTER: tl.constexpr,
    BLOCK: tl.constexpr,
    H: tl.constexpr,
    P: tl.constexpr,
    P2: tl.constexpr,  # P, or the next power of two
    M: tl.constexpr,
    R: tl.constexpr,
    STEPS: tl.constexpr,
    LORA: tl.constexpr,
    COMPACT: tl.constexpr,
    BIAS: tl.constexpr,
    PDL: tl.constexpr,
):
    """`silu(gate) * up`; one program per tile and block of columns."""
    tile = tl.program_id(0)
    num = tl.load(tiles + tile * 4 + 1)
    if PDL:
        device.gdc_wait()
    if num > 0:
        m = tl.arange(0, M)
        ok = m < num
        rows = tl.load(tiles + tile * 4) + m
        columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        inside = columns < INTER
        mask = ok[:, None] & inside[None, :]
        at = rows.to(tl.int64)[:, None] * y_stride + columns[None, :]
        gate = tl.load(y + at, mask=mask, other=0.0).to(tl.float32)
        up = tl.load(y + at + INTER, mask=mask, other=0.0).to(tl.float32)
        if LORA:
            first, rank, low, weights = _adapter(tiles, tile, rows, shrunk, shrunk_stride, scales, 2, COMPACT)
            part = b + first.to(tl.int64) * (2 * INTER) + tl.where(inside, columns, 0)
            gate = _expand(gate, low, weights, part, ok, rank, 2 * INTER, 2, M, R, STEPS)
            up = _expand(up, low + 1, weights + 1, part + INTER, ok, rank, 2 * INTER, 2, M, R, STEPS)
        scale = _norm_scale(squares, rows, ok, eps, H, P, P2)[:, None]
        gate *= scale
        up *= scale
        if BIAS:
            gate += tl.load(bias + columns, mask=inside, other=0.0).to(tl.float32)[None, :]
            up += tl.load(bias + INTER + columns, mask=inside, other=0.0).to(tl.float32)[None, :]
        value = gate * tl.sigmoid(gate) * up
        tl.store(
            out + rows.to(tl.int64)[:, None] * INTER + columns[None, :],
            value.to(out.dtype.element_ty),
            mask=mask,
        )
    if PDL:
        device.gdc_launch_dependents()


@triton.jit
def add_norm(
    y,
    y_stride,
    bias,
    tiles,
    shrunk,
    shrunk_stride,
    scales,
    b,
    norm,
    residual,  # in and out
    normed,  # out
    squares,  # out
    H: tl.constexpr,
    P: tl.constexpr,
    M: tl.constexpr,
    R: tl.constexpr,
    STEPS: tl.constexpr,
    LORA: tl.constexpr,
    COMPACT: tl.constexpr,
    BIAS: tl.constexpr,
    PDL: tl.constexpr,
):
    """Adds the product to the residual and prepares the next norm; one program per tile and partial sum."""
    tile, chunk = tl.program_id(0), tl.program_id(1)
    SIZE: tl.constexpr = H // P
    num = tl.load(tiles + tile * 4 + 1)
    if PDL:
        device.gdc_wait()
    if num > 0:
        m = tl.arange(0, M)
        ok = m < num
        rows = tl.load(tiles + tile * 4) + m
        columns = chunk * SIZE + tl.arange(0, SIZE)
        weight = tl.load(norm + columns).to(tl.float32)
        x = tl.load(
            y + rows.to(tl.int64)[:, None] * y_stride + columns[None, :], mask=ok[:, None], other=0.0
        ).to(tl.float32)
        if LORA:
            first, rank, low, weights = _adapter(tiles, tile, rows, shrunk, shrunk_stride, scales, 1, COMPACT)
            part = b + first.to(tl.int64) * H + columns
            x = _expand(x, low, weights, part, ok, rank, H, 1, M, R, STEPS)
        if BIAS:
            x += tl.load(bias + columns).to(tl.float32)[None, :]
        at = rows.to(tl.int64)[:, None] * H + columns[None, :]
        x += tl.load(residual + at, mask=ok[:, None], other=0.0).to(tl.float32)
        kept = x.to(residual.dtype.element_ty)
        tl.store(residual + at, kept, mask=ok[:, None])
        x = kept.to(tl.float32)
        tl.store(normed + at, (x * weight[None, :]).to(normed.dtype.element_ty), mask=ok[:, None])
        tl.store(squares + rows * P + chunk, tl.sum(x * x, 1), mask=ok)
    if PDL:
        device.gdc_launch_dependents()


@triton.jit
def greedy(logits, stride, chosen, V: tl.constexpr, BLOCK: tl.constexpr):
    """The likeliest token of a row (the lowest id among equals); -1 for a row that holds a NaN or +inf.

    `chosen` int32 `[num_rows]`; one program per row.
    """
    row = tl.program_id(0)
    best = float("-inf")
    index = 0
    sound = True
    for start in range(0, V, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(logits + row.to(tl.int64) * stride + at, mask=at < V, other=float("-inf")).to(tl.float32)
        sound = sound & (tl.sum(((x != x) | (x == float("inf"))).to(tl.int32), 0) == 0)
        top = tl.max(x, 0)
        where = tl.min(tl.where(x == top, at, V), 0)
        index = tl.where(top > best, where, index)
        best = tl.maximum(best, top)
    tl.store(chosen + row, tl.where(sound & (best > float("-inf")), index, -1))
