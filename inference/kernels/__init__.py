"""The arithmetic of a forward pass: in plain torch (`reference`), and fused for CUDA devices (`fused`)."""

from __future__ import annotations

from types import ModuleType

import torch

from inference.kernels import reference


def for_device(device: torch.device) -> ModuleType:
    """The kernels that `inference.model_runner` takes: the plain ones, on any device.

    `inference.gpu` calls the fused ones itself.
    """
    return reference
