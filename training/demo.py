"""The miniature world's weights: which base and adapters it has, and how all of them are made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.card import read_card
from training.errors import TrainingError
from training.finetune import AdapterPlan, finetune
from training.pretrain import BasePlan, pretrain
from training.progress import ProgressBar
from training.synthetic import samples

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")

BASE = BasePlan()


def _plan(task: str, rank: int, targets: Sequence[str], steps: int, **others: Any) -> AdapterPlan:
    """As many examples as there are to read, up to 100,000: few are read twice."""
    others = {"learning_rate": 3e-3, "batch": 64, **others}
    samples_read = min(100_000, steps * others["batch"])
    return AdapterPlan(
        task, rank, 2 * rank, tuple(targets), steps=steps, train_samples=samples_read, **others
    )


# Ranks and targets differ on purpose: one batch of the demo then holds every kind of row.
ADAPTERS = {
    plan.task: plan
    for plan in (
        _plan("agnews_explained", 24, ("q_proj", "v_proj"), 1000),
        _plan("bc5cdr", 12, ("q_proj", "k_proj", "v_proj"), 1100),
        _plan("conllpp", 16, ("q_proj", "v_proj"), 1100),
        _plan("covid", 8, ("o_proj", "down_proj"), 600),
        _plan("customer_support", 4, ("q_proj", "v_proj"), 500, learning_rate=4e-3),
        _plan("dbpedia", 4, MLP, 500, learning_rate=4e-3),
        _plan("drop", 4, ATTENTION + MLP, 1600, learning_rate=4e-3),
        _plan("e2e_nlg", 16, ("v_proj", "o_proj"), 800),
        _plan("glue_cola", 16, ("down_proj",), 1000),
        _plan("glue_mnli", 4, ATTENTION + MLP, 1400, learning_rate=4e-3),
        _plan("glue_mrpc", 10, ATTENTION, 1300),
        _plan("glue_qnli", 20, ("q_proj", "v_proj"), 1300),
        _plan("glue_qqp", 6, (*ATTENTION, "down_proj"), 1200),
        _plan("glue_sst2", 4, ("q_proj", "v_proj"), 800),
        _plan("glue_stsb", 12, ("q_proj", "v_proj", "o_proj"), 2000, learning_rate=2e-3),
        _plan("gsm8k", 4, ATTENTION + MLP, 1200, learning_rate=4e-3),
        _plan("hellaswag", 8, (*ATTENTION, "gate_proj", "up_proj"), 2300, learning_rate=2e-3),
        _plan("hellaswag_processed", 32, ("o_proj",), 800),
        _plan("jigsaw", 16, ("v_proj", "o_proj"), 500, batch=32),
        _plan("legal", 32, ("v_proj",), 600, learning_rate=2e-3),
        _plan("magicoder", 5, ATTENTION + MLP, 1500, learning_rate=4e-3),
        _plan("tldr_content_gen", 6, MLP, 900),
        _plan("tldr_headline_gen", 8, ATTENTION, 1000),
        _plan("viggo", 8, ATTENTION, 1100),
        _plan("wikisql", 10, ATTENTION, 1200),
    )
}


def build_base(world: Path, device: str) -> None:
    pretrain(BASE, world / "base", device)


def build_adapter(world: Path, task: str, device: str) -> None:
    plan = ADAPTERS[task]
    trained = finetune(
        plan,
        world / "base",
        list(samples(task, "train", plan.train_samples, plan.seed)),
        list(samples(task, "validation", plan.validation_samples, plan.seed)),
        world / "adapters" / task,
        device,
        on_progress=ProgressBar(task),
    )
    loss, exact = trained.validation.loss, trained.validation.exact
    print(f"{task}: validation loss {loss:.4f}, exact {exact:.3f}, {trained.card['seconds']} s", flush=True)


def sensible_parallel(device: str) -> int:
    """Fine-tunings at a time: small ones leave a GPU mostly idle, so there the cores set the limit."""
    return max(1, min(10, (os.cpu_count() or 1) * 2 // 3)) if device.startswith("cuda") else 1


def build_adapters(world: Path, tasks: Sequence[str], device: str, parallel: int) -> None:
    """Fine-tunes the tasks' adapters, the longest first, `parallel` at a time in processes of their own.

    Raises `TrainingError` in the end with the tasks whose fine-tuning failed; the others are finished then.
    """
    threads = str(max(1, (os.cpu_count() or 1) // parallel))
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
    command = [sys.executable, "-m", "training", "demo-weights", "--world", str(world), "--device", device]

    def build(task: str) -> int:
        return subprocess.run([*command, "--only", task], env=environment).returncode  # noqa: S603

    ordered = sorted(tasks, key=lambda task: -ADAPTERS[task].steps * ADAPTERS[task].batch)
    with ThreadPoolExecutor(parallel) as pool:
        codes = list(pool.map(build, ordered))
    if failed := [task for task, code in zip(ordered, codes, strict=True) if code]:
        raise TrainingError(
            f"The fine-tuning of {', '.join(failed)} failed; the messages are above. "
            f"Try again with --only {','.join(failed)}."
        )


def missing_adapters(world: Path) -> list[str]:
    """The tasks whose adapter is not there, or was made by another plan than the one in `ADAPTERS`."""
    made = {task: read_card(world / "adapters" / task) for task in ADAPTERS}
    return [task for task, plan in ADAPTERS.items() if not _made_by(plan, made[task])]


def _made_by(plan: AdapterPlan, card: Mapping[str, Any] | None) -> bool:
    return card is not None and card["plan"] == {**asdict(plan), "targets": list(plan.targets)}


def build_scores(world: Path, examples: int, device: str) -> None:
    """Scores base and adapters on `examples` held-out examples a task and writes `world.json`.

    Runs the small programs that magicoder's adapter answers with, in the sandbox of `training.metrics`.
    """
    command = [sys.executable, "-m", "training", "evaluate", "--world", str(world), "--device", device]
    subprocess.run([*command, "-n", str(examples), "--write", "--run-code"], check=True)  # noqa: S603
