"""The few choices a person makes when starting an engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """`model` is a Hugging Face checkpoint directory in the Mistral/Llama layout.

    `device` is `cpu`, `cuda` or `cuda:N`; `dtype` is `float32`, `bfloat16`, `float16` or `auto` (float32 on
    the CPU, bfloat16 on a GPU). Lengths and capacities are in tokens: `max_model_len` bounds prompt plus
    output (None: what the checkpoint allows), `kv_cache_tokens` is the room shared by all running requests
    (None: enough for eight of the longest), `max_batched_tokens` the most one step may compute.
    `max_num_seqs` rows run at once, `max_waiting` more may queue; `adapter_slots` adapters are in memory at
    once. `prefix_cache` lets a prompt take over the keys and values of others that began in the same way.
    On a GPU, adapters share `lora_ranks` ranks (None: 16 for each slot) and `adapter_host_slots` of them are
    kept in host memory as well. `cpu_threads` share the arithmetic of every step on the CPU (None: as
    many as torch takes by itself, but one for decoding with a base so small that handing its products out
    costs more than computing them).
    """

    model: str | Path
    device: str = "cpu"
    dtype: str = "auto"
    max_model_len: int | None = None
    block_size: int = 16
    kv_cache_tokens: int | None = None
    max_num_seqs: int = 64
    max_batched_tokens: int = 2048
    max_waiting: int = 1024
    adapter_slots: int = 32
    lora_ranks: int | None = None
    adapter_host_slots: int = 100
    prefix_cache: bool = True
    cpu_threads: int | None = None
