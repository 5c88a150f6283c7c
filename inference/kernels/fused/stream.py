"""The product of a single row: the weight streams through once, its first part before the row is there."""

from __future__ import annotations

import triton
import triton.language as tl
from triton.language.extra import cuda as device


@triton.jit
def stream_product(
    x,  # [num_rows, K]
    weight,  # [N + ranks * projections, K]
    y,  # out
    y_stride,
    tiles,  # of one row, or of rows of one adapter: its first tile says which
    num_rows,
    extra,  # columns for the adapter: at least its rank * projections, 0 for none
    limit,  # rows of `weight`
    N: tl.constexpr,
    K: tl.constexpr,
    PROJECTIONS: tl.constexpr,
    M: tl.constexpr,
    COLUMNS: tl.constexpr,
    BLOCK: tl.constexpr,
    PDL: tl.constexpr,
):
    """One program per block of columns; those past `N` multiply the A rows of the one adapter."""
    m, k = tl.arange(0, M), tl.arange(0, BLOCK)
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    column = tl.minimum(column, N + extra - 1)
    if tl.program_id(0) * COLUMNS >= N:
        column = tl.minimum(column + tl.load(tiles + 2) * PROJECTIONS, limit - 1)
    factors = weight + column.to(tl.int64)[:, None] * K + k[None, :]
    rows = x + m[:, None] * K + k[None, :]
    ok = (m < num_rows)[:, None]
    first = tl.load(factors)
    if PDL:
        device.gdc_wait()
    acc = tl.dot(tl.load(rows, mask=ok, other=0.0), tl.trans(first))
    for start in range(BLOCK, K, BLOCK):
        acc = tl.dot(tl.load(rows + start, mask=ok, other=0.0), tl.trans(tl.load(factors + start)), acc)
    if PDL:
        device.gdc_launch_dependents()
    out = y + m[:, None] * y_stride + column[None, :]
    tl.store(out, acc.to(y.dtype.element_ty), mask=ok)
