"""The product of prompts' rows with the A matrices of their adapters, tile by tile."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def grouped_shrink(
    x,  # [num_rows, K]
    a,  # [ranks * projections, K]
    tiles,
    shrunk,  # out [SPLITS, num_rows, width]; columns past the tile's own are not written
    plane,  # numbers in one of the SPLITS planes
    width,
    K: tl.constexpr,
    PROJECTIONS: tl.constexpr,
    M: tl.constexpr,
    COLUMNS: tl.constexpr,
    BLOCK: tl.constexpr,
    SPLITS: tl.constexpr,
):
    """One program per tile, block of `COLUMNS` columns and part of K."""
    tile, split = tl.program_id(0), tl.program_id(2)
    num = tl.load(tiles + tile * 4 + 1)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    own = tl.load(tiles + tile * 4 + 3) * PROJECTIONS
    if (num > 0) & (tl.program_id(1) * COLUMNS < own):
        m = tl.arange(0, M)
        ok = m < num
        rows = tl.load(tiles + tile * 4) + m
        first = tl.load(tiles + tile * 4 + 2) * PROJECTIONS
        inside = columns < own
        k = tl.arange(0, BLOCK)
        xs = x + rows.to(tl.int64)[:, None] * K + k[None, :]
        factors = a + (first + columns).to(tl.int64)[None, :] * K + k[:, None]
        acc = tl.zeros([M, COLUMNS], tl.float32)
        PART: tl.constexpr = (K + SPLITS * BLOCK - 1) // (SPLITS * BLOCK) * BLOCK
        for start in range(split * PART, tl.minimum(split * PART + PART, K), BLOCK):
            within = start + k < K
            left = tl.load(xs + start, mask=ok[:, None] & within[None, :], other=0.0)
            right = tl.load(factors + start, mask=inside[None, :] & within[:, None], other=0.0)
            acc = tl.dot(left, right, acc, input_precision="ieee")
        out = shrunk + split * plane + rows.to(tl.int64)[:, None] * width + columns[None, :]
        tl.store(out, acc.to(shrunk.dtype.element_ty), mask=ok[:, None] & inside[None, :])
