"""Runs steps on a CUDA device: packs them, replays CUDA graphs, and hands tokens over one step late."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from inference.config import EngineConfig
from inference.gpu.adapters import AdapterPool, pack_for_device
from inference.gpu.model import FusedModel
from inference.gpu.rows import (
    PER_ROW,
    PROMPT_TILE,
    BlockTables,
    Prompts,
    Rows,
    Run,
    Tiles,
    decodes,
    packing_order,
    runs_of,
    tile_table,
)
from inference.gpu.weights import BaseWeights
from inference.kernels.layout import Site
from inference.lora.registry import AdapterRegistry
from inference.model_runner import pick_device, pick_dtype, pick_length
from inference.models.checkpoint import Checkpoint
from inference.models.config import ModelConfig, read_config
from inference.sequence import ScheduledSequence, Sequence

logger = logging.getLogger(__name__)

_GROUPED_ROWS = 16  # rows of one adapter that share its B when decoding
_GROUPED_FROM = 200  # decoding rows from which that is faster (H200, docs/performance-log.md)
# rows, tiles, rows of a tile, ranks by site that the products reach, highest rank
_Shape = tuple[int, int, int, tuple[int, ...], int]
_PATIENCE = 32  # steps that make do with a larger graph before their own is captured
_RING = 4  # steps whose numbers may still be on their way to the device


@dataclass(eq=False)
class Launched:
    """A step on the device. `sequences` are those that get a token, in the order of the logits' rows."""

    sequences: list[Sequence]
    _logits: torch.Tensor
    _scales: torch.Tensor
    _chosen: torch.Tensor  # pinned host memory
    _event: torch.cuda.Event | None

    def tokens(self) -> list[int]:
        if self._event is not None:
            self._event.synchronize()
        return self._chosen[: len(self.sequences)].tolist()

    def logits(self) -> torch.Tensor:
        num = len(self.sequences)
        return self._logits[:num].float() * self._scales[:num]


class GpuRunner:
    """The base model, its KV cache and the adapters on one device; `launch` never waits for a step to end.

    Raises `CheckpointError` for a model and `ValueError` for settings that cannot be served. Without a CUDA
    device it runs only where Triton interprets its kernels (`TRITON_INTERPRET=1`), for tests. `model_config`
    and `checkpoint` stand in for those of `config.model`.
    """

    runs_ahead = True

    def __init__(
        self,
        config: EngineConfig,
        *,
        model_config: ModelConfig | None = None,
        checkpoint: Checkpoint | None = None,
    ):
        self.device = device = pick_device(config.device)
        self.dtype = dtype = pick_dtype(config.dtype, device)
        self.model_config = model_config or read_config(Path(config.model))
        self.max_model_len = max_model_len = pick_length(config, self.model_config.max_position)
        pool_ranks = config.lora_ranks or 16 * config.adapter_slots
        with checkpoint or Checkpoint(Path(config.model)) as tensors:
            weights = BaseWeights(self.model_config, tensors, pool_ranks, dtype, device)
        self.num_blocks = self._num_blocks(config)
        self.model = FusedModel(
            self.model_config, weights, self.num_blocks, config.block_size, max_model_len, dtype, device
        )
        self.pool = AdapterPool(weights, device)
        self.adapters = AdapterRegistry(
            self.model_config,
            dtype,
            device,
            config.adapter_slots,
            pack=pack_for_device,
            pool=self.pool,
            host_slots=config.adapter_host_slots,
        )
        self._places = config.max_num_seqs + 2
        longest = -(-max_model_len // config.block_size)
        self._tables = BlockTables(self._places, longest, device)
        self._block_size = config.block_size
        self._cuda = device.type == "cuda"
        # Programmatic dependent launch came with Hopper.
        self._leads = self._cuda and torch.cuda.get_device_capability(device) >= (9, 0)
        self._leads &= dtype != torch.float32
        self._graphs: dict[_Shape, tuple[torch.cuda.CUDAGraph, torch.Tensor, torch.Tensor]] = {}
        self._eager: set[_Shape] = set()  # that no graph could be captured for
        self.last_graph: torch.cuda.CUDAGraph | None = None
        self._misses: Counter[_Shape] = Counter()  # steps that had to do with a larger graph
        self._graph_pool = torch.cuda.graph_pool_handle() if self._cuda else None
        rows = config.max_num_seqs
        self._sampled = torch.zeros(rows, dtype=torch.int32, device=device)
        self._chosen = [self._pinned(rows) for _ in range(_RING)]
        # Everything that a decoding step reads, sent in one copy: one line per kind, then the sites' tiles.
        self._line = rows + _GROUPED_ROWS
        self._staging = [self._pinned(self._line * (len(PER_ROW) + 4 * len(Site))) for _ in range(_RING)]
        self._meta = torch.zeros_like(self._staging[0], device=device)
        self._turn = 0
        self._row_of: dict[int, int] = {}  # of the sequences whose newest token only the device knows

    def launch(self, batch: list[ScheduledSequence]) -> Launched:
        """Starts computing `batch`.

        The token of a sequence that is `in_flight` is taken from the last launch.
        """
        batch = packing_order(batch)
        wanted = [item.sequence for item in batch if item.samples]
        self._turn = (self._turn + 1) % _RING
        try:
            with torch.inference_mode():
                if all(map(decodes, batch)):
                    logits, scales = self._decode(batch)
                else:
                    rows = self._pack(batch)
                    logits, scales = self.model.forward(rows, self._sampled, self._tables.table)
                    if wanted:
                        self.model.choose(logits, self._sampled)
        except BaseException:
            self._tables.forget()
            raise
        self._row_of = {id(sequence): row for row, sequence in enumerate(wanted)}
        chosen = self._chosen[self._turn]
        chosen[: len(wanted)].copy_(self._sampled[: len(wanted)], non_blocking=True)
        event = None
        if self._cuda:
            event = torch.cuda.Event()
            event.record()
        return Launched(wanted, logits, scales, chosen, event)

    # Decoding

    def _decode(self, batch: list[ScheduledSequence]) -> tuple[torch.Tensor, torch.Tensor]:
        num = len(batch)
        runs = runs_of(batch, [1] * num)
        lora = any(place is not None for _, _, place in runs)
        shape = self._shape(num, runs)
        bucket, num_tiles, most_rows, _, _ = shape
        staging = self._staging[self._turn].numpy()
        staging = staging.reshape(len(PER_ROW) + 4 * len(Site), self._line)
        for line, numbers in enumerate(self._per_row(batch)):
            staging[line, :num] = numbers
        staging[0, num:bucket] = 0
        staging[1, num:bucket] = -1
        staging[2:6, num:bucket] = 0
        # A row beyond the batch writes its key to a slot of its own, which is nobody's.
        staging[3, num:bucket] = self.num_blocks * self._block_size
        for site in Site:
            table = tile_table(runs, site, most_rows) if lora else None
            begin = len(PER_ROW) + 4 * site
            tiles = staging[begin : begin + 4].reshape(-1)[: 4 * num_tiles].reshape(num_tiles, 4)
            if table is None:
                tiles[:, 0] = np.arange(num_tiles)
                tiles[:num, 1], tiles[num:, 1] = 1, 0
                tiles[:, 2:] = 0
            else:
                tiles[: len(table)] = table
                tiles[len(table) :] = 0
        self._meta.copy_(self._staging[self._turn], non_blocking=True)
        self._send_tables([item.sequence for item in batch])
        if not self._cuda:
            return self._forward_and_choose(self._decode_rows(*shape))
        if shape not in self._graphs and shape not in self._eager:
            try:
                self._graphs[shape] = self._capture(shape)
            except torch.OutOfMemoryError:
                logger.warning(
                    "There is no memory for a CUDA graph of %d rows; steps of this size run slower.", bucket
                )
                self._eager.add(shape)
        if shape in self._eager:
            return self._forward_and_choose(self._decode_rows(*shape))
        self.last_graph, logits, scales = self._graphs[shape]
        self.last_graph.replay()
        return logits, scales

    def _shape(self, num: int, runs: list[Run]) -> _Shape:
        """The graph for a step: one that fits closely, or for its first few steps a larger one that is
        there.
        """
        most = self._sampled.shape[0]
        bucket = min(_bucket(num), most) if self._cuda else num
        lora = any(place is not None for _, _, place in runs)
        most_rows = _GROUPED_ROWS if lora and num >= _GROUPED_FROM else 1
        num_tiles = bucket
        if most_rows > 1:  # each adapter, and the base, may leave one tile unfilled
            num_tiles = min(bucket, bucket // _GROUPED_ROWS + self.adapters.slots + 1)
        ranks = tuple(self._width(site) if lora else 0 for site in Site)
        highest = max((place.rank for _, _, place in runs if place), default=0)
        highest = 1 << (highest - 1).bit_length() if highest else 0  # few different ones, so few graphs
        shape = (bucket, num_tiles, most_rows, ranks, highest)
        if shape in self._graphs or shape in self._eager:
            return shape
        larger = [each for each in self._graphs if num <= each[0] <= 2 * num and each[2:] == shape[2:]]
        if not larger or self._misses[shape] >= _PATIENCE:
            return shape
        self._misses[shape] += 1
        return min(larger)

    def _forward_and_choose(self, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        logits, scales = self.model.forward(rows, self._sampled, self._tables.table)
        self.model.choose(logits, self._sampled)
        return logits, scales

    def _decode_rows(
        self, num: int, num_tiles: int, most_rows: int, ranks: tuple[int, ...], highest: int
    ) -> Rows:
        """A decoding step that reads everything from `_meta`."""
        lines = self._meta.view(len(PER_ROW) + 4 * len(Site), self._line)
        tiles = tuple(
            Tiles(
                lines[len(PER_ROW) + 4 * site :].reshape(-1)[: 4 * num_tiles].view(num_tiles, 4),
                most_rows,
                ranks[site],
                highest,
                early=num == 1 and self._leads,
            )
            for site in Site
        )
        per_row = {name: lines[line, :num] for line, name in enumerate(PER_ROW)}
        return Rows(num=num, num_decode=num, tiles=tiles, **per_row)

    def _capture(self, shape: _Shape) -> tuple[torch.cuda.CUDAGraph, torch.Tensor, torch.Tensor]:
        rows = self._decode_rows(*shape)
        saved = self._sampled.clone()
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            self._forward_and_choose(
                rows
            )  # compiles what is not compiled yet; computes what is computed again
        torch.cuda.current_stream(self.device).wait_stream(stream)
        self._sampled.copy_(saved)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._graph_pool):
            logits, scales = self._forward_and_choose(rows)
        return graph, logits, scales

    def _per_row(self, batch: list[ScheduledSequence]) -> tuple[list[int], ...]:
        """The numbers that `PER_ROW` names, of single new tokens."""
        tokens, sources, positions, slots = [], [], [], []
        size = self._block_size
        places, where, what = self._tables.update([item.sequence for item in batch])
        self._changed = (where, what)
        for item in batch:
            sequence = item.sequence
            position = sequence.num_computed
            known = position < len(sequence.token_ids)
            tokens.append(sequence.token_ids[position] if known else 0)
            sources.append(-1 if known else self._row_of[id(sequence)])
            positions.append(position)
            slots.append(sequence.block_table[position // size] * size + position % size)
        return tokens, sources, positions, slots, places, [position + 1 for position in positions]

    def _send_tables(self, sequences: list[Sequence]) -> None:
        where, what = self._changed
        if where:
            flat = self._tables.table.view(-1)
            flat.index_copy_(0, self._long(where), self._ints(what))

    def _width(self, site: Site) -> int:
        """Ranks that a decoding step's product must reach, in few steps so that there are few graphs."""
        used, pool = self.pool.in_use(site), self.pool.ranks
        if used == 0:
            return 0
        width = min(32, pool)
        while width < used:
            width *= 2
        return min(width, pool)

    # Steps with prompts

    def _pack(self, batch: list[ScheduledSequence]) -> Rows:
        num_decode = sum(map(decodes, batch))
        single, prompts = batch[:num_decode], batch[num_decode:]
        tokens, sources, positions, slots, places, lengths = self._per_row(single)
        size = self._block_size
        starts, context_starts, context = [0], [0], []
        wanted = [row for row, item in enumerate(single) if item.samples]
        for item in prompts:
            sequence, first = item.sequence, item.sequence.num_computed
            span = np.arange(first, first + item.num_new)
            blocks = np.array(sequence.block_table, dtype=np.int64)
            stop = first + item.num_new
            cached = (blocks[: -(-stop // size), None] * size + np.arange(size)).reshape(-1)[:stop]
            tokens += sequence.token_ids[first:stop]
            positions += span.tolist()
            slots += cached[first:].tolist()
            context.append(cached)
            starts.append(starts[-1] + item.num_new)
            context_starts.append(context_starts[-1] + stop)
            if item.samples:
                wanted.append(len(tokens) - 1)
        sources += [-1] * (len(tokens) - num_decode)
        self._send_tables([item.sequence for item in single])

        counts = [item.num_new for item in batch]
        runs = runs_of(batch, counts)
        sampling = [item for item in batch if item.samples]
        wanted_runs = runs_of(sampling, [1] * len(sampling))
        per_row = (tokens, sources, positions, slots)
        names = ("tokens", "sources", "positions", "slots")
        return Rows(
            num=len(tokens),
            num_decode=num_decode,
            tiles=self._tiles(runs, PROMPT_TILE),
            places=self._ints(places),
            lengths=self._ints(lengths),
            prompts=Prompts(
                first=num_decode,
                starts=self._ints(starts),
                context_starts=self._ints(context_starts),
                context=self._long(np.concatenate(context)),
                longest=max(item.num_new for item in prompts),
                longest_context=max(item.sequence.num_computed + item.num_new for item in prompts),
                lengths=[(item.num_new, item.sequence.num_computed + item.num_new) for item in prompts],
            ),
            wanted=self._long(wanted),
            wanted_tiles=self._tiles(wanted_runs, 1),
            **{name: self._ints(numbers) for name, numbers in zip(names, per_row, strict=True)},
        )

    def _tiles(self, runs: list[Run], most_rows: int) -> tuple[Tiles, ...]:
        """Tiles for all sites. Prompts multiply their own adapters only, sampling rows those of the pool."""
        tiles = []
        for site in Site:
            table = tile_table(runs, site, most_rows)
            highest = int(table[:, 3].max(initial=0))
            ranks = highest if most_rows >= PROMPT_TILE or highest == 0 else self._width(site)
            tiles.append(Tiles(self._ints(table), most_rows, ranks, highest))
        return tuple(tiles)

    def _num_blocks(self, config: EngineConfig) -> int:
        """Blocks without the spare one that rows beyond a batch write to."""
        if config.kv_cache_tokens is not None:
            return -(-config.kv_cache_tokens // config.block_size)
        return -(-8 * self.max_model_len // config.block_size)

    def _ints(self, numbers) -> torch.Tensor:
        return self._send(np.asarray(numbers, dtype=np.int32))

    def _long(self, numbers) -> torch.Tensor:
        return self._send(np.asarray(numbers, dtype=np.int64))

    def _send(self, array: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        return tensor.pin_memory().to(self.device, non_blocking=True) if self._cuda else tensor

    def _pinned(self, count: int) -> torch.Tensor:
        return torch.zeros(count, dtype=torch.int32, pin_memory=self._cuda)


def _bucket(num: int) -> int:
    """The graph that serves `num` rows: exact to 8, then in steps that waste at most an eighth or so."""
    for most, step in ((8, 1), (32, 4), (64, 8), (128, 16)):
        if num <= most:
            return -(-num // step) * step
    return -(-num // 32) * 32


def serves(config: EngineConfig) -> bool:
    """Whether the fused kernels can compute this model: their blocks are powers of two.

    They keep numbers that are not normalised yet, which float16 might not hold.
    """
    if pick_dtype(config.dtype, torch.device("cuda")) == torch.float16:
        return False
    model = read_config(Path(config.model))
    return 16 <= model.head_dim <= 256 and model.head_dim.bit_count() == 1 and model.hidden_size % 16 == 0
