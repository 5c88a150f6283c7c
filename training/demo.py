"""The miniature world's weights: which base and adapters it has, and how all of them are made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from training.finetune import AdapterPlan, finetune
from training.pretrain import BasePlan, pretrain
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
            "gsm8k", rank=4, alpha=8, targets=ATTENTION + MLP, learning_rate=4e-3, steps=1500, batch=64
        ),
        AdapterPlan(
            "covid", rank=8, alpha=16, targets=("o_proj", "down_proj"), learning_rate=3e-3, steps=1000
        ),
        AdapterPlan(
            "customer_support", rank=4, alpha=8, targets=("q_proj", "v_proj"), learning_rate=4e-3, steps=800
        ),
        AdapterPlan("dbpedia", rank=4, alpha=8, targets=MLP, learning_rate=4e-3, steps=1000),
        AdapterPlan("glue_cola", rank=16, alpha=32, targets=("down_proj",), learning_rate=3e-3, steps=2000),
        AdapterPlan("glue_mnli", rank=4, alpha=8, targets=ATTENTION + MLP, learning_rate=4e-3, steps=2000),
        AdapterPlan("glue_mrpc", rank=10, alpha=20, targets=ATTENTION, learning_rate=3e-3, steps=2000),
        AdapterPlan(
            "glue_qnli", rank=20, alpha=40, targets=("q_proj", "v_proj"), learning_rate=3e-3, steps=2000
        ),
        AdapterPlan(
            "glue_qqp", rank=6, alpha=12, targets=(*ATTENTION, "down_proj"), learning_rate=3e-3, steps=2000
        ),
        AdapterPlan(
            "glue_stsb",
            rank=12,
            alpha=24,
            targets=("q_proj", "v_proj", "o_proj"),
            learning_rate=3e-3,
            steps=2000,
        ),
        AdapterPlan(
            "jigsaw", rank=16, alpha=32, targets=("v_proj", "o_proj"), learning_rate=3e-3, steps=800, batch=32
        ),
        AdapterPlan("legal", rank=32, alpha=64, targets=("v_proj",), learning_rate=2e-3, steps=1200),
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
