"""What follows the four products of a layer. Shapes: `N` columns of the product, `H` hidden, `P` partial sums.

Launch with one program per tile and column block. `M` is the most rows of a tile: 1 multiplies B row by row, 16 and
more use the tensor cores and read B once for all rows of the tile.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _norm_scale(squares, rows, ok, eps, H: tl.constexpr, P: tl.constexpr, P2: tl.constexpr):
    """`1 / rms` of rows `[M]` from their partial sums of squares, float32 `[num_rows, P]`."""
    p = tl.arange(0, P2)[None, :]
    parts = tl.load(squares + rows[:, None] * P + p, mask=ok[:, None] & (p < P), other=0.0)
    return 1 / tl.sqrt(tl.sum(parts, 1) / H + eps)


@triton.jit
def _expand(
    acc,  # float32 [M, C]
    shrunk,
    shrunk_stride,
    scales,
    b,
    rows,
    ok,
    columns,  # of b, [C]
    first,  # rank of the tile's adapter in b and scales
    first_shrunk,  # and in shrunk
    rank,
    projection,
    N: tl.constexpr,
    PROJECTIONS: tl.constexpr,
    M: tl.constexpr,
    R: tl.constexpr,
):
    """Adds `scale * shrunk B^T` of one projection. `b [ranks, N]`, `scales` float32 `[ranks, projections]`."""
    for start in range(0, rank, R):
        r = start + tl.arange(0, R)
        in_rank = r < rank
        at = (first_shrunk + r) * PROJECTIONS + projection
        s = tl.load(
            shrunk + rows[:, None] * shrunk_stride + at[None, :],
            mask=ok[:, None] & in_rank[None, :],
            other=0.0,
        ).to(tl.float32)
        s *= tl.load(scales + (first + r) * PROJECTIONS + projection, mask=in_rank, other=0.0)[None, :]
        part = tl.load(
            b + (first + r).to(tl.int64)[:, None] * N + columns[None, :], mask=in_rank[:, None], other=0.0
        )
        if M == 1:
            acc += tl.sum(tl.trans(s) * part.to(tl.float32), 0)[None, :]
        else:
            acc += tl.dot(s.to(part.dtype), part, input_precision="ieee")
    return acc


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
    LORA: tl.constexpr,
    COMPACT: tl.constexpr,
    BIAS: tl.constexpr,
):
    """Rotates queries and keys (arXiv 2104.09864) and stores keys and values; one program per tile and head."""
    tile, head = tl.program_id(0), tl.program_id(1)
    HALF: tl.constexpr = HEAD_DIM // 2
    N: tl.constexpr = (HEADS + 2 * KV_HEADS) * HEAD_DIM
    num = tl.load(tiles + tile * 4 + 1)
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
            first = tl.load(tiles + tile * 4 + 2)
            rank = tl.load(tiles + tile * 4 + 3)
            which = tl.where(head < HEADS, 0, tl.where(head < HEADS + KV_HEADS, 1, 2))
            first_shrunk = 0 if COMPACT else first
            y1 = _expand(
                y1,
                shrunk,
                shrunk_stride,
                scales,
                b,
                rows,
                ok,
                columns,
                first,
                first_shrunk,
                rank,
                which,
                N,
                3,
                M,
                R,
            )
            y2 = _expand(
                y2, shrunk, shrunk_stride, scales, b, rows, ok, columns + HALF, first, first_shrunk, rank, which,
                N, 3, M, R,
            )  # fmt: skip
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
    LORA: tl.constexpr,
    COMPACT: tl.constexpr,
    BIAS: tl.constexpr,
):
    """`silu(gate) * up`; one program per tile and block of columns."""
    tile = tl.program_id(0)
    num = tl.load(tiles + tile * 4 + 1)
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
            first = tl.load(tiles + tile * 4 + 2)
            rank = tl.load(tiles + tile * 4 + 3)
            first_shrunk = 0 if COMPACT else first
            safe = tl.where(inside, columns, 0)
            gate = _expand(
                gate,
                shrunk,
                shrunk_stride,
                scales,
                b,
                rows,
                ok,
                safe,
                first,
                first_shrunk,
                rank,
                0,
                2 * INTER,
                2,
                M,
                R,
            )
            up = _expand(
                up, shrunk, shrunk_stride, scales, b, rows, ok, safe + INTER, first, first_shrunk, rank, 1,
                2 * INTER, 2, M, R,
            )  # fmt: skip
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
    LORA: tl.constexpr,
    COMPACT: tl.constexpr,
    BIAS: tl.constexpr,
):
    """Adds the product to the residual and prepares the next norm; one program per tile and partial sum."""
    tile, chunk = tl.program_id(0), tl.program_id(1)
    SIZE: tl.constexpr = H // P
    num = tl.load(tiles + tile * 4 + 1)
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
            first = tl.load(tiles + tile * 4 + 2)
            rank = tl.load(tiles + tile * 4 + 3)
            first_shrunk = 0 if COMPACT else first
            x = _expand(
                x,
                shrunk,
                shrunk_stride,
                scales,
                b,
                rows,
                ok,
                columns,
                first,
                first_shrunk,
                rank,
                0,
                H,
                1,
                M,
                R,
            )
        if BIAS:
            x += tl.load(bias + columns).to(tl.float32)[None, :]
        at = rows.to(tl.int64)[:, None] * H + columns[None, :]
        x += tl.load(residual + at, mask=ok[:, None], other=0.0).to(tl.float32)
        kept = x.to(residual.dtype.element_ty)
        tl.store(residual + at, kept, mask=ok[:, None])
        x = kept.to(tl.float32)
        tl.store(normed + at, (x * weight[None, :]).to(normed.dtype.element_ty), mask=ok[:, None])
        tl.store(squares + rows * P + chunk, tl.sum(x * x, 1), mask=ok)


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
