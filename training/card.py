"""`training_card.json`: how an adapter was made."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import peft
import torch
import transformers

from training.base_source import BaseSource
from training.checkpoint import TrainingState
from training.plan import AdapterPlan
from training.progress import Validation

CARD = "training_card.json"


def peak_memory(device: str) -> int:
    """Bytes: the most this process had on the GPU, or in memory when it trains on the CPU."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else kilobytes * 1024


def training_card(
    plan: AdapterPlan,
    base: BaseSource,
    state: TrainingState,
    validation: Validation,
    device: str,
    data: dict[str, Any],
    trainable: int,
    seconds: float,
    price_per_hour: float | None,
) -> dict[str, Any]:
    """Everything one needs to judge the adapter or train it again. `seconds` counts all attempts."""
    return {
        "plan": asdict(plan),
        "base": {"name": base.name, "revision": base.revision},
        "trainable_parameters": trainable,
        "data": data,
        "validation": {"samples": data["validation_samples"], **asdict(validation)},
        "validations": state.validations,
        "steps": state.step,
        "stopped_early": state.step < plan.steps,
        "best_step": state.best_step or state.step,
        "resumed": state.resumed,
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu",
        "quantization": plan.on(device).quantization,
        "peak_memory_bytes": peak_memory(device),
        "versions": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
        },
        "seconds": round(seconds),
        "cost": None if price_per_hour is None else round(price_per_hour * seconds / 3600, 4),
        "price_per_hour": price_per_hour,
        "loss": state.curve,
    }


def write_card(out: Path, card: dict[str, Any]) -> None:
    (out / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def read_card(out: Path) -> dict[str, Any] | None:
    """The card of a finished adapter; None when `out` holds none (yet)."""
    try:
        return json.loads((out / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
