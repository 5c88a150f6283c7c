"""Reads a PEFT adapter directory: every tensor used, or the adapter refused with a sentence that says why."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from inference.lora.config import LoraConfig, invalid, read_lora_config
from inference.lora.memory import ModuleWeights, pack
from inference.models.config import ModelConfig

MAX_ADAPTER_BYTES = 4 << 30
_FILE = "adapter_model.safetensors"
_TENSOR = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
_LAYER = re.compile(r"model\.layers\.(?P<layer>\d+)\.(?P<name>.+)")
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
# (shapes, modules by layer and name, dtype, device) -> weights with a `slab` and `size_bytes`
Packer = Callable[[ModelConfig, dict[tuple[int, str], ModuleWeights], torch.dtype, torch.device], Any]
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True, slots=True)
class Adapter:
    """A checked adapter in memory.

    `weights` are what `pack` made of it, `targets` the last names of the adapted modules, `rank` the highest.
    """

    weights: Any
    rank: int
    targets: tuple[str, ...]
    content_hash: str


def read_adapter(
    directory: Path,
    model: ModelConfig,
    dtype: torch.dtype,
    device: torch.device,
    pack: Packer = pack,
) -> Adapter:
    """Reads the adapter at `directory` for a base of this shape.

    The content hash (SHA-256, hexadecimal) covers names, ranks, scales, dtypes and values: two adapters that
    compute the same have the same hash wherever they lie. Raises `RequestError("adapter_invalid")`.
    """
    try:
        config = read_lora_config(directory)
        expected = _expected_modules(config, model)
        tensors = _read_tensors(directory)
    except OSError as error:
        raise invalid(directory, f"its files cannot be read ({error.strerror or error}).") from error
    modules = _match(config, expected, tensors, model)
    content_hash = _hash(config, expected, tensors)
    largest = max(abs(module.scale) for module in modules.values())
    if largest > torch.finfo(dtype).max:
        raise invalid(
            directory, f"its scale {largest:g} is not finite as {str(dtype).removeprefix('torch.')}."
        )
    weights = pack(model, modules, dtype, device)
    if not torch.isfinite(weights.slab).all():
        raise invalid(
            directory, f"it holds values that are not finite as {str(dtype).removeprefix('torch.')}."
        )
    return Adapter(
        weights=weights,
        rank=max(module.a.shape[0] for module in modules.values()),
        targets=tuple(sorted({name.rpartition(".")[2] for _, name in modules})),
        content_hash=content_hash,
    )


def _expected_modules(config: LoraConfig, model: ModelConfig) -> dict[str, tuple[int, str]]:
    """Full module names that the configuration adapts, each with its layer and its name inside the layer."""
    for module in ("model.embed_tokens", "lm_head"):
        if config.targets(module):
            raise invalid(
                config.path, f"it adapts {module}, which is not served (only the seven linear layers)."
            )
    expected = {
        f"model.layers.{layer}.{name}": (layer, name)
        for layer in range(model.num_layers)
        for name in model.linear_shapes
        if config.targets(f"model.layers.{layer}.{name}")
    }
    if not expected:
        raise invalid(
            config.path, f"its target_modules ({config.target_modules!r}) name no layer of this base."
        )
    return expected


def _read_tensors(directory: Path) -> dict[str, torch.Tensor]:
    path = directory / _FILE
    if not path.is_file():
        if any(directory.glob("adapter_model*.bin")) or any(directory.glob("adapter_model*.pt")):
            raise invalid(
                directory,
                "its weights are pickled, which can run code when read; "
                f"save them as {_FILE} (PEFT's save_pretrained(..., safe_serialization=True)).",
            )
        raise invalid(directory, f"{_FILE} is missing.")
    if path.stat().st_size > MAX_ADAPTER_BYTES:
        raise invalid(directory, f"{_FILE} is larger than {MAX_ADAPTER_BYTES >> 30} GiB.")
    # Read, not mapped: a file that is cut short under a mapping would kill the process.
    data = path.read_bytes()
    if data.startswith(_PICKLE_STARTS):
        raise invalid(directory, f"{_FILE} is a pickle by another name; save it in the safetensors format.")
    try:
        return safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise invalid(
            directory, f"{_FILE} is truncated or not in the safetensors format ({error})."
        ) from error


def _match(
    config: LoraConfig,
    expected: dict[str, tuple[int, str]],
    tensors: dict[str, torch.Tensor],
    model: ModelConfig,
) -> dict[tuple[int, str], ModuleWeights]:
    """Pairs the tensors with the modules; complains about every one that is odd, missing or left over."""
    pairs: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        found = _TENSOR.fullmatch(name)
        if not found or found["module"] not in expected:
            raise invalid(config.path, _why_left_over(config, name, found, model))
        if tensor.dtype not in _DTYPES:
            raise invalid(
                config.path, f"the tensor {name} is {tensor.dtype}; float32, bfloat16 and float16 are served."
            )
        pairs.setdefault(found["module"], {})[found["side"]] = tensor
    modules = {}
    for module, (layer, name) in expected.items():
        pair = pairs.get(module, {})
        rank, (out_features, in_features) = config.rank(module), model.linear_shapes[name]
        for side, shape in (("A", (rank, in_features)), ("B", (out_features, rank))):
            if side not in pair:
                raise invalid(
                    config.path, f"its configuration adapts {module}, but the file has no lora_{side} for it."
                )
            if tuple(pair[side].shape) != shape:
                raise invalid(
                    config.path,
                    f"lora_{side} of {module} has shape {list(pair[side].shape)}; "
                    f"this base and the configured rank {rank} make it {list(shape)}.",
                )
        modules[layer, name] = ModuleWeights(pair["A"], pair["B"], config.scale(module))
    return modules


def _why_left_over(config: LoraConfig, name: str, found: re.Match[str] | None, model: ModelConfig) -> str:
    if "lora_magnitude_vector" in name:
        return f"the tensor {name} belongs to DoRA, which is not served."
    if "lora_embedding_" in name or ".embed_tokens." in name or ".lm_head." in name:
        return f"the tensor {name} adapts the embedding or the output head, which is not served."
    if found:
        layer = _LAYER.fullmatch(found["module"])
        if layer and layer["name"] in model.linear_shapes and int(layer["layer"]) >= model.num_layers:
            return (
                f"the tensor {name} is for layer {layer['layer']}, "
                f"but this base has {model.num_layers} layers."
            )
        return f"the tensor {name} is for a module that its configuration does not adapt."
    return f"the tensor {name} is not part of a plain LoRA adapter, and dropping it would change the answers."


def _hash(config: LoraConfig, expected: dict[str, tuple[int, str]], tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    digest.update(
        json.dumps([[name, config.rank(name), config.scale(name)] for name in sorted(expected)]).encode()
    )
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(memoryview(tensor.view(torch.uint8).numpy()).cast("B"))
    return digest.hexdigest()
