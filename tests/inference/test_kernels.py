"""The reference kernels against their definitions in float64, and the walls between rows."""

from __future__ import annotations

import math
import random

import pytest
import torch

from inference.config import EngineConfig
from inference.kernels import reference
from inference.kernels.layout import LoraFactors, LoraRows, LoraTarget, Site, Span, rotary_order
from inference.kernels.lora import JoinedAdapters, JoinedLora, LoraPlanner, SegmentedLora
from inference.model_runner import ModelRunner
from tests.inference.oracle import make_adapter, make_base, mistral
from tests.inference.stepping import Stepper

HEADS, KV_HEADS, HEAD_DIM, BLOCK = 6, 2, 8, 4


def test_rms_norm():
    x, weight = torch.randn(5, 16, dtype=torch.float64), torch.rand(16, dtype=torch.float64)
    expected = torch.stack([row / math.sqrt(row.square().mean() + 1e-5) * weight for row in x])
    torch.testing.assert_close(reference.rms_norm(x, weight, 1e-5), expected)


@pytest.mark.parametrize("shape", [(12, 10), (80, 10)], ids=["narrow", "wide"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_products_with_packed_weights(shape, dtype, rows):
    torch.manual_seed(0)
    weight, bias = torch.randn(shape, dtype=dtype), torch.randn(shape[0], dtype=dtype)
    x, y = torch.randn(rows, shape[1], dtype=dtype), torch.randn(rows, shape[0], dtype=dtype)
    packed = reference.pack_weight(weight)
    for term in (None, bias):
        product = x @ weight.t() + (0 if term is None else term)
        torch.testing.assert_close(reference.linear(x, packed, term), product)
        total = y.clone()
        assert reference.linear_add_(total, x, packed, term) is total
        torch.testing.assert_close(total, y + product)


def test_silu_mul():
    x = torch.randn(5, 12, dtype=torch.float64)
    gate, up = x[:, :6], x[:, 6:]
    torch.testing.assert_close(reference.silu_mul(x), gate / (1 + torch.exp(-gate)) * up)


def joined_lora(rows):
    adapters = {id(adapter): adapter for adapter in rows.adapters if adapter is not None}
    return JoinedLora(rows, JoinedAdapters(list(adapters.values())))


@pytest.mark.parametrize("way", [SegmentedLora, joined_lora])
def test_lora_of_mixed_ranks_and_targets(way):
    """Two adapters of unlike ranks on q and v, and on k alone; rows of the base stay as they are."""
    torch.manual_seed(0)
    x, y = torch.randn(8, 10, dtype=torch.float64), torch.randn(8, 24, dtype=torch.float64)
    a1, a2 = torch.randn(10, 8, dtype=torch.float64), torch.randn(10, 2, dtype=torch.float64)
    b1q, b1v, b2k = (torch.randn(*shape, dtype=torch.float64) for shape in ((3, 12), (5, 6), (2, 6)))
    site = LoraFactors(a1, [LoraTarget(3, 12, b1q, 0.5), LoraTarget(0, 6), LoraTarget(5, 6, b1v, 2.0)])
    other = LoraFactors(a2, [LoraTarget(0, 12), LoraTarget(2, 6, b2k, 3.0), LoraTarget(0, 6)])
    nothing = [None] * 4
    first, second = [[site, None, None, None], nothing], [[other, None, None, None], nothing]
    lora = way(LoraRows([2, 3, 1, 1, 1], [None, first, [nothing, nothing], second, first]))
    expected = y.clone()
    for rows in (slice(2, 5), slice(7, 8)):
        expected[rows, :12] += 0.5 * x[rows] @ a1[:, :3] @ b1q
        expected[rows, 18:] += 2.0 * x[rows] @ a1[:, 3:] @ b1v
    expected[6:7, 12:18] += 3.0 * x[6:7] @ a2 @ b2k
    for layer, adapted in ((1, Site.QKV), (0, Site.O), (0, Site.QKV)):
        lora.expand_(y, lora.shrink(x, layer, adapted), layer, adapted)
    torch.testing.assert_close(y, expected)


def test_lora_planner_joins_small_steps_and_remembers_them():
    factors = LoraFactors(torch.ones(10, 2), [LoraTarget(2, 6, torch.ones(2, 6), 1.0)])
    first, second = [[factors] * 4], [[factors] * 4]
    planner = LoraPlanner()
    assert planner.plan(LoraRows([3], [None])) is None
    assert isinstance(planner.plan(LoraRows([3], [first])), SegmentedLora)
    joined = planner.plan(LoraRows([3, 2], [first, second]))
    assert isinstance(joined, JoinedLora)
    assert planner.plan(LoraRows([3, 2], [first, second])) is joined
    assert planner.plan(LoraRows([2, 3], [first, second])) is not joined
    assert isinstance(planner.plan(LoraRows([1 << 20, 2], [first, second])), SegmentedLora)


def test_an_adapter_that_overflows_stays_alone_with_its_infinities():
    torch.manual_seed(0)
    x, a, b = torch.randn(3, 10), torch.randn(10, 2), torch.randn(2, 6)

    def adapter(scale):
        return [[LoraFactors(a, [LoraTarget(2, 6, b, scale)]), None, None, None]]

    sound, overflowing = adapter(0.5), adapter(float("inf"))
    lora = joined_lora(LoraRows([1, 1, 1], [None, sound, overflowing]))
    y = torch.zeros(3, 6)
    lora.expand_(y, lora.shrink(x, 0, Site(0)), 0, Site(0))
    torch.testing.assert_close(y[0], torch.zeros(6))
    torch.testing.assert_close(y[1], 0.5 * (x[1] @ a) @ b)
    assert not y[2].isfinite().any()


def attention_by_definition(query, keys, values, window):
    """Row by row and head by head; `query [new, heads, head_dim]` are the last positions."""
    new, context = len(query), len(keys)
    out = torch.empty_like(query)
    for row in range(new):
        position = context - new + row
        first = max(0, position - window + 1) if window else 0
        for head in range(HEADS):
            shared = head // (HEADS // KV_HEADS)
            scores = keys[first : position + 1, shared] @ query[row, head] / math.sqrt(HEAD_DIM)
            out[row, head] = scores.softmax(0) @ values[first : position + 1, shared]
    return out.view(new, -1)


@pytest.mark.parametrize("window", [None, 1, 3, 4, 9])
@pytest.mark.parametrize(
    "shares",
    [
        [(1, 0)],
        [(1, 13)],
        [(1, 13), (1, 2), (1, 12), (1, 0), (1, 30)],
        [(9, 0)],
        [(5, 11), (1, 4), (16, 0), (2, 1), (1, 15)],
    ],
    ids=str,
)
def test_paged_attention(window, shares):
    """`shares` are (new, computed) of each sequence; unused slots hold NaN, to be caught if they are read."""
    torch.manual_seed(0)
    shares = sorted(shares, key=lambda share: share[0] > 1)
    num_blocks = 1 + sum(-(-sum(share) // BLOCK) for share in shares)
    free = list(range(num_blocks - 1))
    random.Random(1).shuffle(free)
    cache = torch.full((num_blocks * BLOCK, 2, KV_HEADS, HEAD_DIM), torch.nan, dtype=torch.float64)
    cache[-BLOCK:] = 0
    spans, queries, stored, expected, row = [], [], [], [], 0
    for new, computed in shares:
        context = new + computed
        table = [free.pop() for _ in range(-(-context // BLOCK))]
        tokens = torch.randn(context, 2, KV_HEADS, HEAD_DIM, dtype=torch.float64)
        for position in range(computed):
            cache[table[position // BLOCK] * BLOCK + position % BLOCK] = tokens[position]
        query = torch.randn(new, HEADS, HEAD_DIM, dtype=torch.float64)
        spans.append(Span(row, new, computed, table))
        queries.append(query)
        stored.append(tokens[computed:].view(new, -1))
        expected.append(attention_by_definition(query, tokens[:, 0], tokens[:, 1], window))
        row += new
    attention = reference.PagedAttention([cache], BLOCK, window)
    plan = attention.plan(spans)
    attention.store(plan, 0, torch.cat(stored))
    torch.testing.assert_close(attention.attend(plan, 0, torch.cat(queries)), torch.cat(expected))


@pytest.mark.parametrize("rows", [1, 2, 7, 64])
def test_a_weight_that_fits_float16_multiplies_as_exactly_as_float32_does(rows):
    torch.manual_seed(rows)
    weight = (torch.randn(48, 80) * 0.05).bfloat16().float()
    packed = reference.pack_weight(weight)
    assert (packed.half is not None) == ("fbgemm" in torch.backends.quantized.supported_engines)
    x, y, bias = torch.randn(rows, 80), torch.randn(rows, 48), torch.randn(48)
    exact = x.double() @ weight.double().t() + bias
    rounding = 4 * 2**-24 * (x.double().abs() @ weight.double().abs().t() + bias.abs())
    assert ((reference.linear(x, packed, bias) - exact).abs() <= rounding).all()
    assert ((reference.linear_add_(y.clone(), x, packed, bias) - y - exact).abs() <= rounding + 2**-22).all()


def test_a_weight_that_float16_would_round_stays_in_float32():
    assert reference.pack_weight(torch.randn(48, 80)).half is None
    assert reference.pack_weight(torch.full((48, 80), 1e6)).half is None
    assert reference.pack_weight(torch.full((48, 80), 1e-9)).half is None


def test_a_row_without_numbers_stays_alone_in_a_product_with_a_half_weight():
    weight = (torch.randn(48, 80) * 0.05).bfloat16().float()
    x = torch.randn(5, 80)
    expected = reference.linear(x, reference.pack_weight(weight))
    x[1], x[3] = float("nan"), float("inf")
    told = reference.linear(x, reference.pack_weight(weight))
    torch.testing.assert_close(told[[0, 2, 4]], expected[[0, 2, 4]], rtol=0, atol=0)
    assert not told[[1, 3]].isfinite().any()


def test_rotary_turns_pairs_by_their_angle():
    torch.manual_seed(0)
    heads = torch.randn(3, 2, 8)
    angles = torch.rand(3, 1, 4) * 6
    pairs = torch.complex(heads[..., :4], heads[..., 4:]) * torch.polar(torch.ones_like(angles), angles)
    expected = torch.cat((pairs.real, pairs.imag), -1)[..., rotary_order(8)]
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.bfloat16, 2e-2)):
        x = heads[..., rotary_order(8)].to(dtype)
        reference.rotary_(x, torch.polar(torch.ones_like(angles), angles))
        torch.testing.assert_close(x.float(), expected, rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runner")
    base = make_base(directory / "base", mistral())
    runner = ModelRunner(EngineConfig(model=base, block_size=4, kv_cache_tokens=64))
    runner.adapters.load("plain", make_adapter(base, directory / "plain"))
    # Finite weights whose products are not: the adapter that overflows.
    runner.adapters.load("overflowing", make_adapter(base, directory / "overflowing", std=1e30))
    return runner


def test_a_row_that_overflows_harms_no_other(runner):
    prompt = [1, 5, 9, 33, 7, 20]
    stepper = Stepper(runner)
    good = [stepper.start(prompt), stepper.start(prompt[:3], "plain"), stepper.start(prompt, "plain")]
    expected = torch.stack([stepper.logits(s.token_ids, s.request.adapter) for s in good])
    bad = stepper.start(prompt, "overflowing")
    logits = stepper.step(good[0], bad, *good[1:])
    assert not logits[1].isfinite().all()
    torch.testing.assert_close(logits[[0, 2, 3]], expected, rtol=1e-4, atol=1e-5)
    for sequence in [*good, bad]:
        sequence.token_ids.append(3)
    logits = stepper.step(good[0], bad, *good[1:])
    assert logits[[0, 2, 3]].isfinite().all()
    stepper.finish(*good, bad)


def test_blocks_of_a_row_that_overflowed_can_be_used_again(runner):
    """Whoever gets the blocks next, and decodes beside a longer row, never sees what was left in them."""
    stepper = Stepper(runner)
    prompt = list(range(3, 25))
    expected = stepper.logits([*prompt[:5], 60], "plain")
    bad = stepper.start(prompt[: 4 * 10], "overflowing")
    stepper.step(bad)
    stepper.finish(bad)
    short, long = stepper.start(prompt[:5], "plain"), stepper.start(prompt[:10])
    stepper.step(short, long)
    for sequence in (short, long):
        sequence.token_ids.append(60)
    torch.testing.assert_close(stepper.step(short, long)[0], expected, rtol=1e-4, atol=1e-5)
    stepper.finish(short, long)
