"""The miniature world's weights: which base and adapters it has, and how all of them are made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from training.finetune import AdapterPlan, finetune
from training.pretrain import BasePlan, pretrain
from training.progress import ProgressBar
from training.synthetic import samples

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")

BASE = BasePlan()
# Ranks and targets differ on purpose: one batch of the demo then holds every kind of row.
ADAPTERS = {
    plan.task: plan
    for plan in (
        AdapterPlan(
            "glue_sst2", rank=4, alpha=8, targets=("q_proj", "v_proj"), learning_rate=4e-3, steps=1000
        ),
        AdapterPlan(
            "conllpp", rank=16, alpha=32, targets=("q_proj", "v_proj"), learning_rate=3e-3, steps=1900
        ),
        AdapterPlan(
            "gsm8k", rank=4, alpha=8, targets=ATTENTION + MLP, learning_rate=5e-3, steps=450, batch=24
        ),
        AdapterPlan("viggo", rank=8, alpha=16, targets=ATTENTION, learning_rate=3e-3, steps=1700),
    )
}


def build_base(world: Path, device: str) -> None:
    pretrain(BASE, world / "base", device)


def build_adapter(world: Path, task: str, device: str) -> None:
    plan = ADAPTERS[task]
    finetune(
        plan,
        world / "base",
        list(samples(task, "train", plan.train_samples, plan.seed)),
        list(samples(task, "validation", plan.validation_samples, plan.seed)),
        world / "adapters" / task,
        device,
        on_progress=ProgressBar(task),
    )


def build_adapters(world: Path, device: str, parallel: int) -> None:
    """Fine-tunes every adapter, `parallel` at a time in processes of their own."""
    waiting, running = list(ADAPTERS), []
    while waiting or running:
        while waiting and len(running) < parallel:
            command = [sys.executable, "-m", "training", "demo-weights", "--world", str(world)]
            command += ["--device", device, "--only", waiting.pop(0)]
            running.append(subprocess.Popen(command))  # noqa: S603
        if running.pop(0).wait():
            raise RuntimeError("A fine-tuning failed; its message is above.")
