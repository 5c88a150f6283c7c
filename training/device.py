"""Where to compute."""

from __future__ import annotations


def best_device(name: str | None = None) -> str:
    """`name` if given, else `cuda` where there is a GPU, else `cpu`."""
    import torch

    return name or ("cuda" if torch.cuda.is_available() else "cpu")
