"""A multi-LoRA inference engine: one base model, many adapters, one batch.

Importing this package is cheap; torch is loaded when `Engine` or `InProcessClient` is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from inference.config import EngineConfig
from inference.request import GenerationOutput, GenerationRequest, RequestError, SamplingParams

if TYPE_CHECKING:
    from inference.engine import Engine
    from inference.in_process import InProcessClient

__all__ = [
    "Engine",
    "EngineConfig",
    "GenerationOutput",
    "GenerationRequest",
    "InProcessClient",
    "RequestError",
    "SamplingParams",
]

_NEEDS_TORCH = {"Engine": "inference.engine", "InProcessClient": "inference.in_process"}


def __getattr__(name: str) -> object:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_NEEDS_TORCH[name]), name)
