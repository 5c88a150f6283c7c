"""The tensors of a Hugging Face checkpoint directory, each of them asked for once, none left over."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from inference.models.config import CheckpointError

# Buffers that old checkpoints carry and that the configuration says as well.
_REDUNDANT = re.compile(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq")


class Checkpoint:
    """Reads `model.safetensors`, or the shards that `model.safetensors.index.json` lists. A context manager.

    `take` checks names and shapes; `finish` complains about tensors that nobody took. Both raise
    `CheckpointError`.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self._stack = ExitStack()
        self._files = {}
        self._where = self._locate()
        self._taken: set[str] = set()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """The tensor `name`, converted to `dtype`."""
        if name not in self._where:
            raise CheckpointError(
                f"The checkpoint {self.directory} has no tensor {name}, which its config requires."
            )
        self._taken.add(name)
        path = self._where[name]
        try:
            tensor = self._open(path).get_tensor(name)
        except SafetensorError as error:
            raise CheckpointError(f"The tensor {name} cannot be read from {path}: {error}.") from error
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"The tensor {name} in {path} has shape {list(tensor.shape)}; the config says {list(shape)}."
            )
        if not tensor.is_floating_point() or tensor.element_size() < 2:
            raise CheckpointError(
                f"The tensor {name} in {path} is {tensor.dtype}; "
                "only floating-point weights of 16 bits or more are served."
            )
        return tensor.to(dtype)

    def finish(self) -> None:
        left = sorted(
            name for name in self._where if name not in self._taken and not _REDUNDANT.fullmatch(name)
        )
        if left:
            raise CheckpointError(
                f"The tensor {left[0]} in {self._where[left[0]]} has no place in a model of this config"
                + (f" (nor have {len(left) - 1} others)." if len(left) > 1 else ".")
            )

    def _locate(self) -> dict[str, Path]:
        single, index = self.directory / "model.safetensors", self.directory / "model.safetensors.index.json"
        if single.is_file():
            return dict.fromkeys(self._open(single).keys(), single)
        if index.is_file():
            try:
                names = json.loads(index.read_text())["weight_map"]
            except (ValueError, KeyError, TypeError) as error:
                raise CheckpointError(f"{index} is not a list of shards: {error!r}.") from error
            where = {name: self.directory / Path(file).name for name, file in names.items()}
            for path in sorted(set(where.values())):
                found = set(self._open(path).keys())
                listed = {name for name, file in where.items() if file == path}
                if found != listed:
                    name = min(found ^ listed)
                    raise CheckpointError(f"{path} and {index.name} disagree about the tensor {name}.")
            return where
        if any(self.directory.glob("*.bin")):
            raise CheckpointError(
                f"{self.directory} holds pickled weights (.bin), which can run code when read; "
                "convert them with save_pretrained(..., safe_serialization=True)."
            )
        raise CheckpointError(f"{self.directory} holds neither {single.name} nor {index.name}.")

    def _open(self, path: Path):
        if path not in self._files:
            try:
                self._files[path] = self._stack.enter_context(safe_open(path, framework="pt"))
            except (OSError, SafetensorError) as error:
                raise CheckpointError(f"{path} is not a readable safetensors file: {error}.") from error
        return self._files[path]
