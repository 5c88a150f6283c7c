"""A base of a few thousand weights, and fine-tunings of it that take seconds."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from pathlib import Path

from training.errors import TrainingError
from training.finetune import AdapterPlan, finetune
from training.pretrain import BasePlan
from training.synthetic import samples

TINY = BasePlan(
    vocab_size=384,
    hidden=32,
    intermediate=48,
    layers=2,
    heads=4,
    kv_heads=2,
    context=256,
    tokenizer_documents=300,
    corpus_tokens=200_000,
    steps=200,
    batch=4,
    learning_rate=2e-2,
)
PLAN = AdapterPlan(
    "glue_sst2", rank=4, targets=("q_proj", "v_proj", "down_proj"), learning_rate=3e-2, steps=60, batch=8
)


def data(task="glue_sst2", train=200, validation=60):
    return list(samples(task, "train", train)), list(samples(task, "validation", validation))


def card(directory: Path) -> dict:
    return json.loads((directory / "training_card.json").read_text())


def weights(directory: Path) -> bytes:
    return (directory / "adapter_model.safetensors").read_bytes()


def checkpoint(directory: Path) -> Path:
    return directory / "checkpoint" / "state.pt"


def in_a_process(function, *arguments) -> int:
    """Runs it in a fresh process; returns the exit code, negative for a signal."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def train_and_be_killed(
    plan: AdapterPlan, base: Path, out: Path, at_step: int, sizes: tuple[int, int]
) -> None:
    """Trains until SIGKILL ends this process, after `at_step` steps and before that step's checkpoint."""
    steps = 0

    def kill() -> bool:
        nonlocal steps
        steps += 1
        if steps == at_step:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    finetune(plan, base, *data(plan.task, *sizes), out, "cpu", should_stop=kill)


def train_on_a_small_disk(base: Path, trainings: list[tuple[AdapterPlan, Path, int]], said: Path) -> None:
    """Trains each plan where no file may be larger than so many bytes, less from one to the next; writes what
    `TrainingError` says to `said`, a line each."""
    lines = []
    for plan, out, size in trainings:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            finetune(plan, base, *data(), out, "cpu")
        except TrainingError as error:
            lines.append(f"{error}\n")
    said.write_text("".join(lines))
