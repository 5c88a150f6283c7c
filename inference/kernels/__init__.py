"""The arithmetic of a forward pass, one module per kind of device, all with the signatures of `reference`."""

from __future__ import annotations

from types import ModuleType

import torch

from inference.kernels import reference


def for_device(device: torch.device) -> ModuleType:
    """The kernels for tensors on `device`. Today the plain-torch ones serve every device."""
    return reference
