"""The Mistral and Llama forward pass in fused kernels: four products a layer, one small kernel after each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton

from inference.gpu.rows import PROMPT_TILE, UNLIMITED, Rows, Tiles
from inference.gpu.weights import BaseWeights, SiteWeights
from inference.kernels.fused import decode, epilogues, shrink, stream
from inference.kernels.layout import Site
from inference.models.config import ModelConfig

RANK_BLOCK = 16
_CHUNK = 256  # columns of the residual that one program sums the squares of
_PROGRAMS = 264  # two for each multiprocessor of the largest devices: what a split aims at


@dataclass(frozen=True, slots=True)
class LaunchShape:
    """How the kernels after the products are launched: columns of a program, and warps."""

    head_warps: int
    silu_block: int
    silu_warps: int
    add_warps: int


# By the most rows of a tile and whether adapters are added. Single rows: the best of those tried on an H200
# (docs/performance-log.md). Larger tiles have hardly been tried.
LAUNCHES = {
    (1, False): LaunchShape(head_warps=1, silu_block=256, silu_warps=4, add_warps=4),
    (1, True): LaunchShape(head_warps=1, silu_block=64, silu_warps=1, add_warps=1),
    (16, False): LaunchShape(head_warps=4, silu_block=128, silu_warps=4, add_warps=4),
    (16, True): LaunchShape(head_warps=1, silu_block=128, silu_warps=4, add_warps=4),
    (PROMPT_TILE, False): LaunchShape(head_warps=4, silu_block=128, silu_warps=4, add_warps=4),
    (PROMPT_TILE, True): LaunchShape(head_warps=4, silu_block=128, silu_warps=4, add_warps=4),
}


@dataclass(frozen=True, slots=True)
class StreamShape:
    """How a weight is streamed for a single row."""

    columns: int
    block: int
    warps: int
    stages: int


# By output and input features; a product that is not here is cuBLAS's.
STREAMS = {
    (6144, 4096): StreamShape(16, 256, 2, 4),
    (4096, 4096): StreamShape(32, 128, 4, 6),
    (28672, 4096): StreamShape(32, 256, 4, 3),
    (4096, 14336): StreamShape(16, 256, 2, 4),
}


class FusedModel:
    """Base weights, KV cache and the forward pass. `forward` launches kernels and never waits for them.

    The cache of a layer is `[num_blocks, block_size, kv_heads, head_dim]` for keys, and the same for values.
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: BaseWeights,
        num_blocks: int,
        block_size: int,
        max_len: int,
        dtype: torch.dtype,
        device: torch.device,
    ):
        self.config = config
        self.weights = weights
        self.block_size = block_size
        # One block more than is handed out: rows beyond a batch write there.
        shape = (num_blocks + 1, block_size, config.num_kv_heads, config.head_dim)
        self.caches = [
            (torch.zeros(shape, dtype=dtype, device=device), torch.zeros(shape, dtype=dtype, device=device))
            for _ in range(config.num_layers)
        ]
        angles = torch.arange(max_len, dtype=torch.float32)[:, None] * torch.tensor(config.rotary.inv_freq)
        self._cos = (angles.cos() * config.rotary.scale).to(device)
        self._sin = (angles.sin() * config.rotary.scale).to(device)
        self.launches = dict(LAUNCHES)
        self._dtype, self._device = dtype, device
        self._window = config.sliding_window or UNLIMITED
        self._parts = config.hidden_size // _largest_power(config.hidden_size, _CHUNK)
        self._group = max(16, triton.next_power_of_2(config.num_heads // config.num_kv_heads))

    def forward(
        self, rows: Rows, sampled: torch.Tensor, tables: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Computes a step, storing its keys and values.

        `sampled` int32 is what the previous step chose, `tables` the block tables. Returns the logits
        `[wanted rows, vocab]`, still to be multiplied by the scales `[wanted rows, 1]` (which are positive).
        """
        config, weights = self.config, self.weights
        residual, normed = self._new(rows.num, config.hidden_size), self._new(rows.num, config.hidden_size)
        squares = torch.empty(rows.num, self._parts, dtype=torch.float32, device=self._device)
        epilogues.embed[(rows.num, self._parts)](
            rows.tokens,
            rows.sources,
            sampled,
            weights.embedding,
            weights.layers[0].input_norm,
            residual,
            normed,
            squares,
            H=config.hidden_size,
            P=self._parts,
        )
        tiles = rows.tiles
        for index, layer in enumerate(weights.layers):
            last = index + 1 == config.num_layers
            attended = self._attention(rows, index, layer.sites[Site.QKV], normed, squares, tables)
            if last and rows.wanted is not None:
                # Their keys and values are stored; nothing else of the other rows is read again.
                attended, residual = attended[rows.wanted], residual[rows.wanted]
                normed, squares = normed[rows.wanted], squares[rows.wanted]
                tiles = rows.wanted_tiles
            self._add(
                attended,
                layer.sites[Site.O],
                tiles[Site.O],
                layer.post_attention_norm,
                residual,
                normed,
                squares,
            )
            activated = self._activate(layer.sites[Site.GATE_UP], tiles[Site.GATE_UP], normed, squares)
            next_norm = weights.norm if last else weights.layers[index + 1].input_norm
            self._add(
                activated, layer.sites[Site.DOWN], tiles[Site.DOWN], next_norm, residual, normed, squares
            )
        logits = torch.mm(normed, weights.head.t())
        scales = torch.rsqrt(squares.sum(1, keepdim=True) / config.hidden_size + config.rms_norm_eps)
        return logits, scales

    def choose(self, logits: torch.Tensor, sampled: torch.Tensor) -> None:
        """Writes the likeliest token of each row to `sampled` int32, -1 for a row without usable numbers."""
        vocab = logits.shape[1]
        block = min(4096, triton.next_power_of_2(vocab))
        epilogues.greedy[(len(logits),)](logits, logits.stride(0), sampled, V=vocab, BLOCK=block, num_warps=8)

    def _attention(
        self,
        rows: Rows,
        index: int,
        site: SiteWeights,
        normed: torch.Tensor,
        squares: torch.Tensor,
        tables: torch.Tensor,
    ) -> torch.Tensor:
        config = self.config
        keys, values = self.caches[index]
        tiles = rows.tiles[Site.QKV]
        y, shrunk, stride, compact = self._product(normed, site, tiles)
        query = self._new(rows.num, config.q_size)
        epilogues.attention_inputs[(len(tiles.table), config.num_heads + 2 * config.num_kv_heads)](
            y,
            y.stride(0),
            site.bias,
            squares,
            config.rms_norm_eps,
            tiles.table,
            shrunk,
            stride,
            site.scales,
            site.b,
            rows.positions,
            self._cos,
            self._sin,
            rows.slots,
            query,
            keys,
            values,
            HEADS=config.num_heads,
            KV_HEADS=config.num_kv_heads,
            HEAD_DIM=config.head_dim,
            num_warps=self.launches[tiles.most_rows, tiles.ranks > 0].head_warps,
            **self._shared(tiles, compact, site),
            **self._norm(),
        )
        if rows.prompts is None:
            return self._decode(rows, query, keys, values, tables)
        attended = self._new(rows.num, config.q_size)
        if rows.num_decode:
            attended[: rows.num_decode] = self._decode(rows, query, keys, values, tables)
        attended[rows.num_decode :] = self._read(rows, query[rows.num_decode :], keys, values)
        return attended

    def _decode(
        self, rows: Rows, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, tables: torch.Tensor
    ) -> torch.Tensor:
        config, num = self.config, rows.num_decode
        splits = 1
        while num * config.num_kv_heads * splits < _PROGRAMS and splits < 16:
            splits *= 2
        out = self._new(num, config.q_size)
        parts = weights = out
        if splits > 1:
            parts = torch.empty(num, splits, config.q_size, dtype=torch.float32, device=self._device)
            weights = torch.empty(num, splits, config.num_heads, dtype=torch.float32, device=self._device)
        decode.decode_attention[(num, config.num_kv_heads, splits)](
            query,
            keys,
            values,
            tables,
            tables.stride(0),
            rows.places,
            rows.lengths,
            out,
            parts,
            weights,
            config.head_dim**-0.5,
            self._window,
            HEADS=config.num_heads,
            KV_HEADS=config.num_kv_heads,
            HEAD_DIM=config.head_dim,
            BLOCK_SIZE=self.block_size,
            BLOCK=64,
            SPLITS=splits,
            SIZE=self._group,
            num_warps=4,
            num_stages=2,
            **_lead(rows.tiles[0]),
        )
        if splits > 1:
            decode.merge_splits[(num, config.num_heads)](
                parts,
                weights,
                out,
                HEADS=config.num_heads,
                HEAD_DIM=config.head_dim,
                SPLITS=splits,
                num_warps=1,
                **_lead(rows.tiles[0]),
            )
        return out

    def _read(
        self, rows: Rows, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
    ) -> torch.Tensor:
        """Causal attention of prompts to their cached tokens, themselves included."""
        config, prompts = self.config, rows.prompts
        heads, kv_heads, head_dim = config.num_heads, config.num_kv_heads, config.head_dim
        query = query.view(-1, heads, head_dim)
        k = keys.view(-1, kv_heads, head_dim).index_select(0, prompts.context)
        v = values.view(-1, kv_heads, head_dim).index_select(0, prompts.context)
        if self._device.type == "cuda" and self._dtype != torch.float32:
            window = None if config.sliding_window is None else config.sliding_window - 1
            out = torch.ops.aten._flash_attention_forward(
                query,
                k,
                v,
                prompts.starts,
                prompts.context_starts,
                prompts.longest,
                prompts.longest_context,
                0.0,
                True,
                False,
                scale=head_dim**-0.5,
                window_size_left=window,
                window_size_right=None if window is None else 0,
            )[0]
            return out.reshape(-1, heads * head_dim)
        parts, row, token = [], 0, 0
        for num, context in prompts.lengths:
            positions = torch.arange(context, device=self._device)
            queries = torch.arange(context - num, context, device=self._device)[:, None]
            mask = (positions <= queries) & (positions > queries - self._window)
            out = torch.nn.functional.scaled_dot_product_attention(
                query[row : row + num].transpose(0, 1)[None],
                k[token : token + context].transpose(0, 1)[None],
                v[token : token + context].transpose(0, 1)[None],
                attn_mask=mask,
                enable_gqa=True,
            )
            parts.append(out[0].transpose(0, 1).reshape(num, -1))
            row, token = row + num, token + context
        return torch.cat(parts)

    def _activate(
        self, site: SiteWeights, tiles: Tiles, normed: torch.Tensor, squares: torch.Tensor
    ) -> torch.Tensor:
        intermediate = self.config.intermediate_size
        y, shrunk, stride, compact = self._product(normed, site, tiles)
        out = self._new(len(normed), intermediate)
        launch = self.launches[tiles.most_rows, tiles.ranks > 0]
        epilogues.silu_mul[(len(tiles.table), triton.cdiv(intermediate, launch.silu_block))](
            y,
            y.stride(0),
            site.bias,
            squares,
            self.config.rms_norm_eps,
            tiles.table,
            shrunk,
            stride,
            site.scales,
            site.b,
            out,
            INTER=intermediate,
            BLOCK=launch.silu_block,
            num_warps=launch.silu_warps,
            **self._shared(tiles, compact, site),
            **self._norm(),
        )
        return out

    def _add(
        self,
        x: torch.Tensor,
        site: SiteWeights,
        tiles: Tiles,
        norm: torch.Tensor,
        residual: torch.Tensor,
        normed: torch.Tensor,
        squares: torch.Tensor,
    ) -> None:
        y, shrunk, stride, compact = self._product(x, site, tiles)
        epilogues.add_norm[(len(tiles.table), self._parts)](
            y,
            y.stride(0),
            site.bias,
            tiles.table,
            shrunk,
            stride,
            site.scales,
            site.b,
            norm,
            residual,
            normed,
            squares,
            H=self.config.hidden_size,
            P=self._parts,
            num_warps=self.launches[tiles.most_rows, tiles.ranks > 0].add_warps,
            **self._shared(tiles, compact, site),
        )

    def _product(
        self, x: torch.Tensor, site: SiteWeights, tiles: Tiles
    ) -> tuple[torch.Tensor, torch.Tensor, int, bool]:
        """The base product, the shrunk rows, their stride, and whether they are compact.

        Few rows multiply the A matrices of all adapters as more columns of the base product; many multiply
        only those of their own adapter.
        """
        out_features, projections = site.out_features, site.projections
        if tiles.early and (out_features, x.shape[1]) in STREAMS:
            y = self._stream(x, site, tiles)
            return y, y[:, out_features:], y.stride(0), False
        if tiles.ranks == 0:
            y = torch.mm(x, site.weight[:out_features].t())
            return y, y, 0, False
        if tiles.most_rows < PROMPT_TILE:
            y = torch.mm(x, site.weight[: out_features + tiles.ranks * projections].t())
            return y, y[:, out_features:], y.stride(0), False
        y = torch.mm(x, site.weight[:out_features].t())
        width = tiles.ranks * projections
        columns = min(64, max(16, triton.next_power_of_2(width)))
        programs = len(tiles.table) * triton.cdiv(width, columns)
        splits = 1
        while programs * splits < _PROGRAMS and splits < 8 and x.shape[1] >= 512 * splits:
            splits *= 2
        kind = self._dtype if splits == 1 else torch.float32
        shrunk = torch.empty(splits, len(x), width, dtype=kind, device=self._device)
        shrink.grouped_shrink[(len(tiles.table), triton.cdiv(width, columns), splits)](
            x,
            site.a,
            tiles.table,
            shrunk,
            shrunk[0].numel(),
            width,
            K=x.shape[1],
            PROJECTIONS=projections,
            M=tiles.most_rows,
            COLUMNS=columns,
            BLOCK=64 if self._dtype == torch.float32 else 128,
            SPLITS=splits,
            num_warps=4,
        )
        total = shrunk[0] if splits == 1 else shrunk.sum(0)
        return y, total, width, True

    def _stream(self, x: torch.Tensor, site: SiteWeights, tiles: Tiles) -> torch.Tensor:
        shape = STREAMS[site.out_features, x.shape[1]]
        extra = tiles.highest * site.projections if tiles.ranks else 0
        y = self._new(len(x), len(site.weight))
        stream.stream_product[(triton.cdiv(site.out_features + extra, shape.columns),)](
            x,
            site.weight,
            y,
            y.stride(0),
            tiles.table,
            len(x),
            extra,
            len(site.weight),
            N=site.out_features,
            K=x.shape[1],
            PROJECTIONS=site.projections,
            M=16,
            COLUMNS=shape.columns,
            BLOCK=shape.block,
            num_warps=shape.warps,
            num_stages=shape.stages,
            **_lead(tiles),
        )
        return y

    def _shared(self, tiles: Tiles, compact: bool, site: SiteWeights) -> dict[str, object]:
        return {
            "M": tiles.most_rows,
            "R": RANK_BLOCK,
            "STEPS": triton.cdiv(tiles.highest, RANK_BLOCK),
            "LORA": tiles.ranks > 0,
            **_lead(tiles),
            "COMPACT": compact,
            "BIAS": site.bias is not None,
        }

    def _norm(self) -> dict[str, int]:
        return {
            "H": self.config.hidden_size,
            "P": self._parts,
            "P2": triton.next_power_of_2(self._parts),
        }

    def _new(self, *shape: int) -> torch.Tensor:
        return torch.empty(*shape, dtype=self._dtype, device=self._device)


def _lead(tiles: Tiles) -> dict[str, bool]:
    return {"PDL": True, "launch_pdl": True} if tiles.early else {"PDL": False}


def _largest_power(number: int, most: int) -> int:
    """The largest power of two that divides `number`, at most `most`."""
    return min(most, number & -number)
