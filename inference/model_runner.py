"""Turns one scheduled step into tensors, runs the model and gives the logits back."""

from __future__ import annotations

from pathlib import Path

import torch

from inference import kernels
from inference.config import EngineConfig
from inference.kernels.attention import decode_groups
from inference.kernels.layout import LoraRows, Span
from inference.lora.registry import AdapterRegistry
from inference.models.config import ModelConfig, read_config
from inference.models.mistral import MistralModel, Step
from inference.runner import Computed
from inference.sequence import ScheduledSequence

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_ALL_THREADS = torch.get_num_threads()  # what torch takes by itself, or OMP_NUM_THREADS says
_SMALL_LAYER = 4_000_000  # weights; one row's products then take about as long as waking a second thread
_MANY_ROWS = 128  # from here on several threads share the products of any base to advantage
_DEFAULT_LONGEST = 8  # sequences of full length that the cache holds when the configuration gives no size


class ModelRunner:
    """The base model, its KV cache and the adapters.

    The cache of a layer is `[num_blocks + 1, block_size, 2, kv_heads, head_dim]`, keys and values side by
    side; the last block stays zero and is nobody's. Raises `CheckpointError` for a model and `ValueError`
    for settings that cannot be served.
    """

    def __init__(self, config: EngineConfig):
        directory = Path(config.model)
        self.device = pick_device(config.device)
        self.dtype = pick_dtype(config.dtype, self.device)
        self.model_config = read_config(directory)
        self._few_threads, self._many_threads = _pick_threads(config.cpu_threads, self.model_config)
        self.max_model_len = pick_length(config, self.model_config.max_position)
        self.block_size = config.block_size
        capacity = config.kv_cache_tokens or _DEFAULT_LONGEST * self.max_model_len
        self.num_blocks = -(-capacity // config.block_size)
        self.adapters = AdapterRegistry(self.model_config, self.dtype, self.device, config.adapter_slots)

        self._kernels = kernels.for_device(self.device)
        self._model = MistralModel(self.model_config, directory, self._kernels, self.dtype, self.device)
        self._attention = self._kernels.PagedAttention(
            [self._new_cache() for _ in range(self.model_config.num_layers)],
            config.block_size,
            self.model_config.sliding_window,
        )
        self._lora = self._kernels.LoraPlanner()
        self._turns = self.model_config.rotary.turns(self.max_model_len).to(self.device)

    runs_ahead = False

    def launch(self, batch: list[ScheduledSequence]) -> Computed:
        return Computed([item.sequence for item in batch if item.samples], self.run(batch))

    @torch.inference_mode()
    def run(self, batch: list[ScheduledSequence]) -> torch.Tensor:
        """Computes `num_new` tokens of each sequence, storing their keys and values.

        Gives float32 logits `[number of sequences that sample, vocab_size]`, in batch order, on the
        model's device. Sequences are not changed. A sequence's `block_table` must already cover its new
        tokens.
        """
        order = _packing_order(batch)
        packed = [batch[index] for index in order]
        token_ids: list[int] = []
        positions: list[int] = []
        spans: list[Span] = []
        last_rows: list[int] = []
        for item in packed:
            sequence, computed = item.sequence, item.sequence.num_computed
            spans.append(Span(len(token_ids), item.num_new, computed, sequence.block_table))
            token_ids += sequence.token_ids[computed : computed + item.num_new]
            positions += range(computed, computed + item.num_new)
            if item.samples:
                last_rows.append(len(token_ids) - 1)

        if self.device.type == "cpu":  # of the calling thread, so it is set here
            torch.set_num_threads(self._many_threads if len(token_ids) >= _MANY_ROWS else self._few_threads)
        at = self._indices(positions)
        lora = self._lora.plan(_lora_rows(packed, [item.num_new for item in packed]))
        wanted, wanted_lora = None, None
        if len(last_rows) < len(token_ids):
            sampling = [item for item in packed if item.samples]
            wanted = self._indices(last_rows)
            wanted_lora = self._lora.plan(_lora_rows(sampling, [1] * len(sampling)))
        step = Step(
            token_ids=self._indices(token_ids),
            turns=self._turns[at],
            attention=self._attention.plan(spans),
            lora=lora,
            wanted=wanted,
            wanted_lora=wanted_lora,
        )
        hidden = self._model.forward(step, self._attention)
        sampled = [index for index in order if batch[index].samples]
        if sampled != sorted(sampled):
            hidden = hidden[self._indices(sorted(range(len(sampled)), key=sampled.__getitem__))]
        return self._model.logits(hidden)

    def _indices(self, numbers: list[int]) -> torch.Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=self.device)

    def _new_cache(self) -> torch.Tensor:
        config = self.model_config
        cache = torch.empty(
            (self.num_blocks + 1) * self.block_size,
            2,
            config.num_kv_heads,
            config.head_dim,
            dtype=self.dtype,
            device=self.device,
        )
        cache[-self.block_size :] = 0
        return cache


def _packing_order(batch: list[ScheduledSequence]) -> list[int]:
    """Decoding rows first, by attention group; then prompts. Inside, rows of one adapter side by side."""
    decoding = [index for index, item in enumerate(batch) if item.num_new == 1]
    groups = decode_groups([batch[index].sequence.num_computed + 1 for index in decoding])
    group_of = dict(zip(decoding, groups, strict=True))
    return sorted(
        range(len(batch)),
        key=lambda index: (index not in group_of, group_of.get(index, 0), id(batch[index].sequence.adapter)),
    )


def _lora_rows(packed: list[ScheduledSequence], lengths: list[int]) -> LoraRows:
    """Neighbours with one adapter make one run; `lengths` are the rows of each sequence."""
    rows, last = LoraRows([], []), ...
    for item, length in zip(packed, lengths, strict=True):
        adapter = item.sequence.adapter
        if adapter is last:
            rows.lengths[-1] += length
        else:
            rows.lengths.append(length)
            rows.adapters.append(adapter and adapter.weights.factors)
            last = adapter
    return rows


def pick_device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu, cuda or cuda:N, not {name!r}.")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {name!r}, but torch finds no CUDA device. Use device='cpu'.")
    return device


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if name not in _DTYPES:
        raise ValueError(f"dtype must be auto, {', '.join(_DTYPES)}, not {name!r}.")
    return _DTYPES[name]


def _pick_threads(wanted: int | None, model: ModelConfig) -> tuple[int, int]:
    """Threads for a step of few rows, and of many."""
    if wanted is not None:
        if wanted < 1:
            raise ValueError(f"cpu_threads must be at least 1, not {wanted}.")
        return wanted, wanted
    layer = sum(rows * columns for rows, columns in model.linear_shapes.values())
    return 1 if layer < _SMALL_LAYER else _ALL_THREADS, _ALL_THREADS


def pick_length(config: EngineConfig, longest: int) -> int:
    if config.block_size < 1:
        raise ValueError(f"block_size must be at least 1, not {config.block_size}.")
    if config.max_model_len is None:
        return longest
    if not 1 <= config.max_model_len <= longest:
        raise ValueError(
            f"max_model_len is {config.max_model_len}; this model's positions allow 1 to {longest} tokens."
        )
    return config.max_model_len
