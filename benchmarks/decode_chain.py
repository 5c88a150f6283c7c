"""How fast can one decode step be? A study of the kernel chain of a Mistral-7B-shaped model on one GPU.

Random weights, paged KV of length 320, greedy; all 32 layers run as one CUDA graph. Each LoRA expand lives
inside the element-wise kernel that follows the base product anyway (rotary + KV store, SiLU times up,
residual add), so LoRA adds no launch. The shrink is part of the base product (`dense`: the A rows of all 25
slots stand below the base weight) or of a streaming GEMM that reads the A rows of one slot (`gather`, one
row). RMSNorm needs no pass of its own: the residual kernel writes partial sums of squares and the next
epilogue divides by their root.

    python benchmarks/decode_chain.py    # checks against float64, then times; about two minutes on an H200
"""

import json

import torch
import triton
import triton.language as tl
from triton.language.extra import cuda as tlc

H, INTER, NQ, NKV, HD, V = 4096, 14336, 32, 8, 128, 32000
QKV = (NQ + 2 * NKV) * HD
dev, bf = "cuda", torch.bfloat16


@triton.jit
def rstd_of(ssq, row, H: tl.constexpr, PARTS: tl.constexpr, eps):
    return 1 / tl.sqrt(tl.sum(tl.load(ssq + row * PARTS + tl.arange(0, PARTS)), 0) / H + eps)


@triton.jit
def qkv_epilogue(
    y,
    ys,
    slot_p,
    b,
    pos_p,
    cos,
    sin,
    map_p,
    kc,
    vc,
    q_out,
    scale,
    NQ: tl.constexpr,
    NKV: tl.constexpr,
    HD: tl.constexpr,
    R: tl.constexpr,
    S: tl.constexpr,
    s_ptr,
    s_stride,
    ssq,
    eps,
    H: tl.constexpr,
    PARTS: tl.constexpr,
    LORA: tl.constexpr,
    PDL: tl.constexpr,
):
    row = tl.program_id(0)
    head = tl.program_id(1)
    HALF: tl.constexpr = HD // 2
    N: tl.constexpr = (NQ + 2 * NKV) * HD
    o = tl.arange(0, HALF)
    slot = tl.load(slot_p + row)
    pos = tl.load(pos_p + row)
    c = tl.load(cos + pos * HALF + o)
    s_ = tl.load(sin + pos * HALF + o)
    dst = tl.load(map_p + row)
    if LORA:
        r = tl.arange(0, R)
        bp = b + slot.to(tl.int64) * N * R + (head * HD + o)[:, None] * R + r[None, :]
        m = slot >= 0
        mm = m & (r[None, :] < R)
        b1 = tl.load(bp, mask=mm, other=0.0)
        b2 = tl.load(bp + HALF * R, mask=mm, other=0.0)
    if PDL:
        tlc.gdc_wait()
    base = y + row * ys + head * HD
    y1 = tl.load(base + o).to(tl.float32)
    y2 = tl.load(base + HALF + o).to(tl.float32)
    if LORA:
        which = tl.where(head < NQ, 0, tl.where(head < NQ + NKV, 1, 2))
        s = (
            tl.load(s_ptr + row * s_stride + (slot * 3 + which) * R * S + r, mask=m & (r < R), other=0.0).to(
                tl.float32
            )
            * scale
        )
        y1 += tl.sum(b1.to(tl.float32) * s[None, :], 1)
        y2 += tl.sum(b2.to(tl.float32) * s[None, :], 1)
    rs = rstd_of(ssq, row, H, PARTS, eps)
    y1 *= rs
    y2 *= rs
    if head < NQ + NKV:
        z1 = y1 * c - y2 * s_
        z2 = y2 * c + y1 * s_
        if head < NQ:
            p = q_out + row * (NQ * HD) + head * HD
        else:
            p = kc + dst.to(tl.int64) * (NKV * HD) + (head - NQ) * HD
        tl.store(p + o, z1.to(tl.bfloat16))
        tl.store(p + HALF + o, z2.to(tl.bfloat16))
    else:
        p = vc + dst.to(tl.int64) * (NKV * HD) + (head - NQ - NKV) * HD
        tl.store(p + o, y1.to(tl.bfloat16))
        tl.store(p + HALF + o, y2.to(tl.bfloat16))
    if PDL:
        tlc.gdc_launch_dependents()


@triton.jit
def silu_epilogue(
    y,
    ys,
    slot_p,
    b,
    out,
    scale,
    s_ptr,
    s_stride,
    ssq,
    eps,
    H: tl.constexpr,
    PARTS: tl.constexpr,
    INTER: tl.constexpr,
    R: tl.constexpr,
    BLOCK: tl.constexpr,
    LORA: tl.constexpr,
    PDL: tl.constexpr,
):
    row = tl.program_id(0)
    o = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    slot = tl.load(slot_p + row)
    if LORA:
        r = tl.arange(0, R)
        m = slot >= 0
        bp = b + slot.to(tl.int64) * (2 * INTER * R) + o[:, None] * R + r[None, :]
        mm = m & (r[None, :] < R)
        bg = tl.load(bp, mask=mm, other=0.0)
        bu = tl.load(bp + INTER * R, mask=mm, other=0.0)
    if PDL:
        tlc.gdc_wait()
    g = tl.load(y + row * ys + o).to(tl.float32)
    u = tl.load(y + row * ys + INTER + o).to(tl.float32)
    if LORA:
        sp = s_ptr + row * s_stride + slot * 2 * R + r
        sg = tl.load(sp, mask=m & (r < R), other=0.0).to(tl.float32) * scale
        su = tl.load(sp + R, mask=m & (r < R), other=0.0).to(tl.float32) * scale
        g += tl.sum(bg.to(tl.float32) * sg[None, :], 1)
        u += tl.sum(bu.to(tl.float32) * su[None, :], 1)
    rs = rstd_of(ssq, row, H, PARTS, eps)
    g *= rs
    u *= rs
    tl.store(out + row * INTER + o, (g * tl.sigmoid(g) * u).to(tl.bfloat16))
    if PDL:
        tlc.gdc_launch_dependents()


@triton.jit
def add_epilogue(
    y,
    ys,
    slot_p,
    b,
    res,
    out,
    w,
    scale,
    s_ptr,
    s_stride,
    ssq,
    H: tl.constexpr,
    R: tl.constexpr,
    CHUNK: tl.constexpr,
    LORA: tl.constexpr,
    PDL: tl.constexpr,
):
    row = tl.program_id(0)
    i = tl.program_id(1)
    slot = tl.load(slot_p + row)
    c = i * CHUNK + tl.arange(0, CHUNK)
    wt = tl.load(w + c).to(tl.float32)
    if LORA:
        r = tl.arange(0, R)
        m = slot >= 0
        bt = tl.load(
            b + slot.to(tl.int64) * (H * R) + c[:, None] * R + r[None, :],
            mask=m & (r[None, :] < R),
            other=0.0,
        )
    if PDL:
        tlc.gdc_wait()
    x = tl.load(y + row * ys + c).to(tl.float32) + tl.load(res + row * H + c).to(tl.float32)
    if LORA:
        s = tl.load(s_ptr + row * s_stride + slot * R + r, mask=m & (r < R), other=0.0).to(tl.float32) * scale
        x += tl.sum(bt.to(tl.float32) * s[None, :], 1)
    xb = x.to(tl.bfloat16)
    tl.store(res + row * H + c, xb)
    x = xb.to(tl.float32)
    tl.store(out + row * H + c, (x * wt).to(tl.bfloat16))
    tl.store(ssq + row * (H // CHUNK) + i, tl.sum(x * x, 0))
    if PDL:
        tlc.gdc_launch_dependents()


@triton.jit
def add_epilogue_grouped(
    y,
    ys,
    order,
    seg_start,
    seg_len,
    seg_slot,
    b,
    res,
    out,
    w,
    scale,
    s_ptr,
    s_stride,
    ssq,
    H: tl.constexpr,
    R: tl.constexpr,
    CHUNK: tl.constexpr,
    M: tl.constexpr,
    PDL: tl.constexpr,
):
    """Rows of one adapter share its B: one program per (segment of at most M rows, column chunk)."""
    sg = tl.program_id(0)
    i = tl.program_id(1)
    n = tl.load(seg_len + sg)
    if n > 0:
        slot = tl.load(seg_slot + sg)
        mm = tl.arange(0, M)
        row = tl.load(order + tl.load(seg_start + sg) + mm, mask=mm < n, other=0)
        c = i * CHUNK + tl.arange(0, CHUNK)
        r = tl.arange(0, R)
        wt = tl.load(w + c).to(tl.float32)
        bt = tl.load(b + slot.to(tl.int64) * (H * R) + c[None, :] * R + r[:, None])
        s = tl.load(
            s_ptr + row[:, None] * s_stride + slot * R + r[None, :], mask=(mm < n)[:, None], other=0.0
        )
        ok = (mm < n)[:, None]
        x = tl.load(y + row[:, None] * ys + c[None, :], mask=ok, other=0.0).to(tl.float32) + tl.load(
            res + row[:, None] * H + c[None, :], mask=ok, other=0.0
        ).to(tl.float32)
        x += tl.dot(s, bt) * scale
        xb = x.to(tl.bfloat16)
        tl.store(res + row[:, None] * H + c[None, :], xb, mask=ok)
        x = xb.to(tl.float32)
        tl.store(out + row[:, None] * H + c[None, :], (x * wt[None, :]).to(tl.bfloat16), mask=ok)
        tl.store(ssq + row * (H // CHUNK) + i, tl.sum(x * x, 1), mask=mm < n)


@triton.jit
def silu_epilogue_grouped(
    y,
    ys,
    order,
    seg_start,
    seg_len,
    seg_slot,
    b,
    out,
    scale,
    s_ptr,
    s_stride,
    ssq,
    eps,
    INTER: tl.constexpr,
    R: tl.constexpr,
    BLOCK: tl.constexpr,
    M: tl.constexpr,
    H: tl.constexpr,
    PARTS: tl.constexpr,
):
    sg = tl.program_id(0)
    n = tl.load(seg_len + sg)
    if n > 0:
        slot = tl.load(seg_slot + sg)
        mm = tl.arange(0, M)
        row = tl.load(order + tl.load(seg_start + sg) + mm, mask=mm < n, other=0)
        o = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        r = tl.arange(0, R)
        bp = b + slot.to(tl.int64) * (2 * INTER * R) + o[None, :] * R + r[:, None]
        bg = tl.load(bp)
        bu = tl.load(bp + INTER * R)
        ok = (mm < n)[:, None]
        sp = s_ptr + row[:, None] * s_stride + slot * 2 * R + r[None, :]
        sg_ = tl.load(sp, mask=ok, other=0.0)
        su_ = tl.load(sp + R, mask=ok, other=0.0)
        q = tl.arange(0, PARTS)
        rs = 1 / tl.sqrt(tl.sum(tl.load(ssq + row[:, None] * PARTS + q[None, :]), 1) / H + eps)
        g = (
            tl.load(y + row[:, None] * ys + o[None, :], mask=ok, other=0.0).to(tl.float32)
            + tl.dot(sg_, bg) * scale
        ) * rs[:, None]
        u = (
            tl.load(y + row[:, None] * ys + INTER + o[None, :], mask=ok, other=0.0).to(tl.float32)
            + tl.dot(su_, bu) * scale
        ) * rs[:, None]
        tl.store(out + row[:, None] * INTER + o[None, :], (g * tl.sigmoid(g) * u).to(tl.bfloat16), mask=ok)


@triton.jit
def stream_gemm(
    x,
    w,
    y,
    ys,
    slot_p,
    total,
    N,
    NA,
    n,
    K: tl.constexpr,
    M: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    GATHER: tl.constexpr,
    PDL: tl.constexpr,
):
    """y[n, N] = x[n, K] w[N, K]^T for n <= M, streaming w once.

    With GATHER, programs past N read the A rows of the one slot of row 0.
    """
    t = tl.program_id(0)
    mm = tl.arange(0, M)
    nn = tl.minimum(t * BN + tl.arange(0, BN), total - 1)
    kk = tl.arange(0, BK)
    if GATHER:
        slot = tl.load(slot_p)
        col = nn + tl.where(t * BN < N, 0, slot * NA)
    else:
        col = nn
    wp = w + col.to(tl.int64)[:, None] * K + kk[None, :]
    xp = x + mm[:, None] * K + kk[None, :]
    ok = (mm < n)[:, None]
    w0 = tl.load(wp)
    if PDL:
        tlc.gdc_wait()
    acc = tl.dot(tl.load(xp, mask=ok, other=0.0), tl.trans(w0))
    for k in range(BK, K, BK):
        acc = tl.dot(tl.load(xp + k, mask=ok, other=0.0), tl.trans(tl.load(wp + k)), acc)
    if PDL:
        tlc.gdc_launch_dependents()
    tl.store(y + mm[:, None] * ys + col[None, :], acc.to(tl.bfloat16), mask=ok)


@triton.jit
def decode_attention(
    q,
    kc,
    vc,
    bt,
    bt_stride,
    lens,
    out,
    part,
    lse,
    scale,
    NQ: tl.constexpr,
    NKV: tl.constexpr,
    HD: tl.constexpr,
    BS: tl.constexpr,
    BN: tl.constexpr,
    SPLITS: tl.constexpr,
    PDL: tl.constexpr,
):
    row = tl.program_id(0)
    kvh = tl.program_id(1)
    sp = tl.program_id(2)
    G: tl.constexpr = NQ // NKV
    g = tl.arange(0, 16)
    d = tl.arange(0, HD)
    n = tl.load(lens + row)
    if PDL:
        tlc.gdc_wait()
    qt = tl.load(
        q + row * NQ * HD + (kvh * G + g)[:, None] * HD + d[None, :], mask=(g < G)[:, None], other=0.0
    )
    per = tl.cdiv(tl.cdiv(n, BN), SPLITS) * BN
    lo = sp * per
    hi = tl.minimum(lo + per, n)
    mi = tl.full([16], float("-inf"), tl.float32)
    li = tl.zeros([16], tl.float32)
    acc = tl.zeros([16, HD], tl.float32)
    for st in range(lo, hi, BN):
        t = st + tl.arange(0, BN)
        ok = t < hi
        blk = tl.load(bt + row * bt_stride + t // BS, mask=ok, other=0)
        at = (blk.to(tl.int64) * BS + t % BS) * (NKV * HD) + kvh * HD
        k = tl.load(kc + at[:, None] + d[None, :], mask=ok[:, None], other=0.0)
        v = tl.load(vc + at[:, None] + d[None, :], mask=ok[:, None], other=0.0)
        sc = tl.dot(qt, tl.trans(k)) * scale
        sc = tl.where(ok[None, :], sc, float("-inf"))
        mn = tl.maximum(mi, tl.max(sc, 1))
        p = tl.exp2((sc - mn[:, None]) * 1.44269504)
        al = tl.exp2((mi - mn) * 1.44269504)
        li = li * al + tl.sum(p, 1)
        acc = acc * al[:, None] + tl.dot(p.to(tl.bfloat16), v)
        mi = mn
    h = kvh * G + g
    if SPLITS == 1:
        tl.store(
            out + row * NQ * HD + h[:, None] * HD + d[None, :],
            (acc / li[:, None]).to(tl.bfloat16),
            mask=(g < G)[:, None],
        )
    else:
        has = hi > lo
        a = tl.where(has, 1.0, 0.0)
        li = tl.where(li > 0, li, 1.0)
        tl.store(
            part + ((row * SPLITS + sp) * NQ + h[:, None]) * HD + d[None, :],
            acc / li[:, None] * a,
            mask=(g < G)[:, None],
        )
        tl.store(
            lse + (row * SPLITS + sp) * NQ + h, tl.where(has, mi + tl.log(li), float("-inf")), mask=g < G
        )
    if PDL:
        tlc.gdc_launch_dependents()


@triton.jit
def attention_merge(
    part, lse, out, NQ: tl.constexpr, HD: tl.constexpr, SPLITS: tl.constexpr, PDL: tl.constexpr
):
    row = tl.program_id(0)
    h = tl.program_id(1)
    s = tl.arange(0, SPLITS)
    d = tl.arange(0, HD)
    if PDL:
        tlc.gdc_wait()
    logsum = tl.load(lse + (row * SPLITS + s) * NQ + h)
    w = tl.exp(logsum - tl.max(logsum, 0))
    w = w / tl.sum(w, 0)
    p = tl.load(part + ((row * SPLITS + s)[:, None] * NQ + h) * HD + d[None, :])
    tl.store(out + row * NQ * HD + h * HD + d, tl.sum(p * w[:, None], 0).to(tl.bfloat16))
    if PDL:
        tlc.gdc_launch_dependents()


# (K, N) -> columns per program, K per step, warps, stages: the best of 16 on an H200 at n = 1
CFG = {
    (H, QKV): (16, 256, 2, 4),
    (H, H): (32, 128, 4, 6),
    (H, 2 * INTER): (32, 256, 4, 3),
    (INTER, H): (16, 256, 2, 4),
}


class Chain:
    def __init__(self, L, P, R, maxlen=512, maxn=256):
        self.L, self.P, self.R = L, P, R
        g = torch.Generator(device=dev).manual_seed(0)

        def rnd(*s, std=0.02):
            return torch.randn(*s, device=dev, dtype=bf, generator=g) * std

        self.layers = []
        for _ in range(L):
            d = {
                "wqkv": rnd(QKV + P * 3 * R, H),
                "wo": rnd(H + P * R, H),
                "wgu": rnd(2 * INTER + P * 2 * R, H),
                "wd": rnd(H + P * R, INTER),
                "bqkv": rnd(P, QKV, R),
                "bo": rnd(P, H, R),
                "bgu": rnd(P, 2 * INTER, R),
                "bd": rnd(P, H, R),
                "n1": torch.ones(H, device=dev, dtype=bf),
                "n2": torch.ones(H, device=dev, dtype=bf),
            }
            nb = maxn * maxlen // 16
            d["k"] = rnd(nb, 16, NKV, HD, std=1)
            d["v"] = rnd(nb, 16, NKV, HD, std=1)
            self.layers.append(d)
        self.head = rnd(V, H)
        self.emb = rnd(V, H, std=1.0)
        self.nf = torch.ones(H, device=dev, dtype=bf)
        inv = 1 / 10000 ** (torch.arange(0, HD, 2, device=dev).float() / HD)
        f = torch.arange(4096, device=dev).float()[:, None] * inv
        self.cos, self.sin = f.cos().contiguous(), f.sin().contiguous()
        self.maxlen = maxlen
        self.side = torch.cuda.Stream()

    def buffers(self, n, length=320, slots=None):
        P, R = self.P, self.R

        def e(*s, dt=bf):
            return torch.empty(*s, device=dev, dtype=dt)

        nb = self.maxlen // 16
        b = {
            "n": n,
            "ids": torch.randint(0, V, (n,), device=dev),
            "pos": torch.full((n,), length - 1, device=dev, dtype=torch.int32),
            "lens": torch.full((n,), length, device=dev, dtype=torch.int32),
            "bt": torch.randperm(n * nb, device=dev).int().view(n, nb),
            "slots": (torch.arange(n, device=dev, dtype=torch.int32) % P) if slots is None else slots,
            "yqkv": e(n, QKV + P * 3 * R),
            "q": e(n, NQ * HD),
            "att": e(n, NQ * HD),
            "yo": e(n, H + P * R),
            "x": e(n, H),
            "res": e(n, H),
            "ygu": e(n, 2 * INTER + P * 2 * R),
            "act": e(n, INTER),
            "yd": e(n, H + P * R),
            "logits": e(n, V),
            "out": e(n, dt=torch.int64),
            "y0qkv": e(n, QKV),
            "y0o": e(n, H),
            "y0gu": e(n, 2 * INTER),
            "y0d": e(n, H),
            "zero": torch.zeros(n, H, device=dev, dtype=bf),
            "sqkv": e(n, P * 3 * R),
            "so": e(n, P * R),
            "sgu": e(n, P * 2 * R),
            "sd": e(n, P * R),
        }
        b["map"] = (b["bt"][torch.arange(n, device=dev), (length - 1) // 16] * 16 + (length - 1) % 16).int()
        b["ssq"] = e(n, 64, dt=torch.float32)
        b["y0"] = {(QKV, H): e(n, QKV), (H, H): e(n, H), (2 * INTER, H): e(n, 2 * INTER), (H, INTER): e(n, H)}
        b["cfg"] = CFG
        sl = b["slots"].tolist()
        order, st, ln, ss_ = [], [], [], []
        for a in sorted(set(sl)):
            rows = [i for i, v in enumerate(sl) if v == a]
            for k in range(0, len(rows), 16):
                st.append(len(order))
                ln.append(len(rows[k : k + 16]))
                ss_.append(a)
                order += rows[k : k + 16]
        order += [0] * 16

        def t32(v):
            return torch.tensor(v, device=dev, dtype=torch.int32)

        b["order"], b["seg_start"], b["seg_len"], b["seg_slot"], b["segs"] = (
            t32(order),
            t32(st),
            t32(ln),
            t32(ss_),
            len(st),
        )
        s = 1
        while n * NKV * s < 132 * 2 and s < 16:
            s *= 2
        b["splits"] = s
        b["part"] = e(n, s, NQ, HD, dt=torch.float32)
        b["lse"] = e(n, s, NQ, dt=torch.float32)
        return b

    def step(self, b, mode, pdl=False, stream=False, grouped=False, tune=(256, 4, 64, 4, 2)):
        """mode: base | dense (A appended to the base weight) | gather (A rows of the slot of row 0, n = 1)"""
        n, P, R = b["n"], self.P, self.R
        CH, aw, BN, bw, bst = tune
        PARTS = H // CH
        lora = mode != "base"
        kw = {"launch_pdl": True} if pdl else {}
        sc = 2.0

        def gemm(x, w, N, K, ywide, rank_cols):
            if stream:
                total = N if mode == "base" else N + (rank_cols if mode == "gather" else P * rank_cols)
                bn, bk, wr, st = b["cfg"][(K, N)]
                stream_gemm[(triton.cdiv(total, bn),)](
                    x,
                    w,
                    ywide,
                    ywide.stride(0),
                    b["slots"],
                    total,
                    N,
                    rank_cols,
                    n,
                    K=K,
                    M=max(16, triton.next_power_of_2(n)),
                    BN=bn,
                    BK=bk,
                    GATHER=mode == "gather",
                    PDL=pdl,
                    num_warps=wr,
                    num_stages=st,
                    **kw,
                )
                return ywide, ywide.stride(0), ywide[:, N:], ywide.stride(0)
            if mode == "dense":
                torch.mm(x, w.t(), out=ywide)
            else:
                torch.mm(x, w[:N].t(), out=b["y0"][(N, K)])
                y0 = b["y0"][(N, K)]
                return y0, y0.stride(0), y0, 0
            return ywide, ywide.stride(0), ywide[:, N:], ywide.stride(0)

        torch.index_select(self.emb, 0, b["ids"], out=b["res"])
        seg = (b["order"], b["seg_start"], b["seg_len"], b["seg_slot"])

        def add(y, ys, bb, w, s, ss, layer):
            if grouped and layer:
                add_epilogue_grouped[(b["segs"], PARTS)](
                    y,
                    ys,
                    *seg,
                    bb,
                    b["res"],
                    b["x"],
                    w,
                    sc,
                    s,
                    ss,
                    b["ssq"],
                    H=H,
                    R=R,
                    CHUNK=CH,
                    M=16,
                    PDL=False,
                    num_warps=4,
                )
            else:
                add_epilogue[(n, PARTS)](
                    y,
                    ys,
                    b["slots"],
                    bb,
                    b["res"],
                    b["x"],
                    w,
                    sc,
                    s,
                    ss,
                    b["ssq"],
                    H=H,
                    R=R,
                    CHUNK=CH,
                    LORA=layer,
                    PDL=pdl,
                    num_warps=aw,
                    **kw,
                )

        add(b["zero"], H, self.layers[0]["bo"], self.layers[0]["n1"], b["zero"], 0, False)
        for i, layer in enumerate(self.layers):
            y, ys, s, ss = gemm(b["x"], layer["wqkv"], QKV, H, b["yqkv"], 3 * R)
            qkv_epilogue[(n, NQ + 2 * NKV)](
                y,
                ys,
                b["slots"],
                layer["bqkv"],
                b["pos"],
                self.cos,
                self.sin,
                b["map"],
                layer["k"],
                layer["v"],
                b["q"],
                sc,
                NQ=NQ,
                NKV=NKV,
                HD=HD,
                R=R,
                S=1,
                s_ptr=s,
                s_stride=ss,
                ssq=b["ssq"],
                eps=1e-5,
                H=H,
                PARTS=PARTS,
                LORA=lora,
                PDL=pdl,
                num_warps=1,
                **kw,
            )
            decode_attention[(n, NKV, b["splits"])](
                b["q"],
                layer["k"],
                layer["v"],
                b["bt"],
                b["bt"].stride(0),
                b["lens"],
                b["att"],
                b["part"],
                b["lse"],
                HD**-0.5,
                NQ=NQ,
                NKV=NKV,
                HD=HD,
                BS=16,
                BN=BN,
                SPLITS=b["splits"],
                PDL=pdl,
                num_warps=bw,
                num_stages=bst,
                **kw,
            )
            if b["splits"] > 1:
                attention_merge[(n, NQ)](
                    b["part"],
                    b["lse"],
                    b["att"],
                    NQ=NQ,
                    HD=HD,
                    SPLITS=b["splits"],
                    PDL=pdl,
                    num_warps=1,
                    **kw,
                )
            y, ys, s, ss = gemm(b["att"], layer["wo"], H, H, b["yo"], R)
            add(y, ys, layer["bo"], layer["n2"], s, ss, lora)
            y, ys, s, ss = gemm(b["x"], layer["wgu"], 2 * INTER, H, b["ygu"], 2 * R)
            if grouped and lora:
                silu_epilogue_grouped[(b["segs"], INTER // 256)](
                    y,
                    ys,
                    *seg,
                    layer["bgu"],
                    b["act"],
                    sc,
                    s,
                    ss,
                    b["ssq"],
                    1e-5,
                    INTER=INTER,
                    R=R,
                    BLOCK=256,
                    M=16,
                    H=H,
                    PARTS=PARTS,
                    num_warps=4,
                )
            else:
                silu_epilogue[(n, INTER // 256)](
                    y,
                    ys,
                    b["slots"],
                    layer["bgu"],
                    b["act"],
                    sc,
                    s,
                    ss,
                    ssq=b["ssq"],
                    eps=1e-5,
                    H=H,
                    PARTS=PARTS,
                    INTER=INTER,
                    R=R,
                    BLOCK=256,
                    LORA=lora,
                    PDL=pdl,
                    num_warps=4,
                    **kw,
                )
            y, ys, s, ss = gemm(b["act"], layer["wd"], H, INTER, b["yd"], R)
            add(y, ys, layer["bd"], self.layers[i + 1]["n1"] if i + 1 < self.L else self.nf, s, ss, lora)
        torch.mm(b["x"], self.head.t(), out=b["logits"])
        torch.argmax(b["logits"], -1, out=b["out"])


def reference(c, b, lora):
    """One layer in float64 from the same inputs."""

    def f(t):
        return t.double()

    n = b["n"]
    P, R = c.P, c.R

    def rms(x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5)

    res = f(c.emb[b["ids"]])
    layer = c.layers[0]

    def lin(x, w, N, bb, parts):
        y = x @ f(w[:N]).t()
        if lora:
            for i in range(n):
                s = int(b["slots"][i])
                if s < 0:
                    continue
                a = f(w[N:].view(P, len(parts) * R, -1)[s])
                o = 0
                for j, width in enumerate(parts):
                    y[i, o : o + width] += 2.0 * f(bb[s, o : o + width]) @ (a[j * R : (j + 1) * R] @ x[i])
                    o += width
        return y

    x = rms(res)
    y = lin(x, layer["wqkv"], QKV, layer["bqkv"], [NQ * HD, NKV * HD, NKV * HD])
    q, k, v = y.split([NQ * HD, NKV * HD, NKV * HD], -1)
    cs, sn = f(c.cos[b["pos"].long()])[:, None], f(c.sin[b["pos"].long()])[:, None]

    def rope(t):
        t = t.view(n, -1, HD)
        t1, t2 = t[..., :64], t[..., 64:]
        return torch.cat([t1 * cs - t2 * sn, t2 * cs + t1 * sn], -1)

    q, k, v = rope(q), rope(k), v.view(n, NKV, HD)
    K = f(layer["k"].view(-1, NKV, HD))
    Vv = f(layer["v"].view(-1, NKV, HD))
    outs = []
    for i in range(n):
        T = int(b["lens"][i])
        idx = torch.arange(T, device=dev)
        at = b["bt"][i].long()[idx // 16] * 16 + idx % 16
        kk, vv = K[at].clone(), Vv[at].clone()
        kk[-1], vv[-1] = k[i], v[i]
        sc = torch.einsum("hgd,thd->hgt", q[i].view(NKV, 4, HD), kk) * HD**-0.5
        outs.append(torch.einsum("hgt,thd->hgd", sc.softmax(-1), vv).reshape(-1))
    res = res + lin(torch.stack(outs), layer["wo"], H, layer["bo"], [H])
    x = rms(res)
    y = lin(x, layer["wgu"], 2 * INTER, layer["bgu"], [INTER, INTER])
    act = torch.nn.functional.silu(y[:, :INTER]) * y[:, INTER:]
    return res + lin(act, layer["wd"], H, layer["bd"], [H])


def capture(chain, batch, **variant):
    warm = torch.cuda.Stream()
    warm.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(warm):
        for _ in range(2):
            chain.step(batch, **variant)
    torch.cuda.current_stream().wait_stream(warm)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        chain.step(batch, **variant)
    return graph


def milliseconds(graph, replays=20):
    """Median of five groups of replays, by device events."""
    for _ in range(5):
        graph.replay()
    times = []
    for _ in range(5):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(replays):
            graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / replays)
    return sorted(times)[2]


def check():
    """One layer of every variant against float64: relative error of the residual stream below 1e-2 (bf16)."""
    chain = Chain(1, 25, 16, maxn=40)
    mixed = torch.tensor([0, -1, 24, 7, 7, 3, -1, 11] * 5, device=dev, dtype=torch.int32)
    lora_only = torch.tensor([0, 1, 24, 7, 7, 3, 2, 11] * 5, device=dev, dtype=torch.int32)
    for n, slots, variant in (
        (8, mixed, {"mode": "base"}),
        (8, mixed, {"mode": "base", "stream": True, "pdl": True}),
        (8, mixed, {"mode": "dense"}),
        (40, mixed, {"mode": "dense", "pdl": True}),
        (1, mixed[3:], {"mode": "gather", "stream": True, "pdl": True}),
        (40, lora_only, {"mode": "dense", "grouped": True}),
    ):
        batch = chain.buffers(n, slots=slots[:n].contiguous())
        want = reference(chain, batch, variant["mode"] != "base")
        chain.step(batch, **variant)
        error = ((batch["res"].double() - want).norm() / want.norm()).item()
        print(json.dumps({"check": variant, "n": n, "error": float(f"{error:.2e}")}), flush=True)
        if not error < 1e-2:
            raise SystemExit(f"{variant} at n = {n} is wrong: relative error {error:.2e}.")


def main():
    print(torch.cuda.get_device_name(), torch.__version__, triton.__version__, flush=True)
    check()
    chain = Chain(32, 25, 16)
    for n in (1, 8, 25, 64, 128, 256):
        batch = chain.buffers(n)
        variants = {"base": {"mode": "base"}, "dense": {"mode": "dense"}}
        if n <= 8:
            variants["base_stream_pdl"] = {"mode": "base", "stream": True, "pdl": True}
        if n == 1:
            variants["gather_stream_pdl"] = {"mode": "gather", "stream": True, "pdl": True}
        if n >= 25:
            variants["dense_grouped"] = {"mode": "dense", "grouped": True}
        row = {name: round(milliseconds(capture(chain, batch, **v)), 3) for name, v in variants.items()}
        print(json.dumps(dict(n=n, **row)), flush=True)
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
