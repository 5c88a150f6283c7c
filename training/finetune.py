"""Fine-tunes a LoRA adapter for one task with PEFT: QLoRA on a GPU, the same without 4 bits on a CPU."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from training.base_model import check_architecture, load_tokenizer, load_with_adapter
from training.base_source import BaseSource
from training.card import training_card, write_card
from training.checkpoint import Checkpoint
from training.errors import TrainingError
from training.examples import Fitted, content_hash, fit
from training.loop import Trainer, validate
from training.plan import AdapterPlan
from training.progress import OnProgress, Progress, ShouldStop, Validation
from training.synthetic import Sample
from training.tasks import Task, load_tasks

__all__ = ["AdapterPlan", "TrainedAdapter", "finetune"]


@dataclass(frozen=True, slots=True)
class TrainedAdapter:
    """A finished adapter directory, how it did on the validation samples, and its card."""

    path: Path
    validation: Validation
    card: dict[str, Any]


def finetune(
    plan: AdapterPlan,
    base: str | Path,
    train: Sequence[Sample],
    validation: Sequence[Sample],
    out: Path,
    device: str,
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    price_per_hour: float | None = None,
    unserved: bool = False,
) -> TrainedAdapter:
    """Writes the adapter in PEFT's own format (bfloat16 safetensors) and `training_card.json` to `out`.

    `base` is a checkpoint directory or a hub id, `task` the template (default: the paper's task of the
    plan's name; `training.tasks.free_task` for free prompts). `on_progress` is told at every phase and about
    twice a second, from this thread. `should_stop` is asked after every step. When it says yes,
    `TrainingStopped` is raised; after that, a kill or an error, the same call goes on from the checkpoint in
    `out` with the same result. A finished adapter in `out` is replaced in the end.

    Raises `TrainingError` with the remedy: for a base that cannot be loaded or (unless `unserved`) that our
    engine does not serve, for samples that are missing or do not fit, for a checkpoint of another training,
    for full memory and full disks.
    """
    began = time.monotonic()
    _tell(on_progress, "preparing", plan, 0)
    task = task or _known_task(plan.task)
    plan_here, source = plan.on(device), BaseSource.of(base)
    context = check_architecture(source, unserved)
    tokenizer = load_tokenizer(source)
    limit = min(plan.max_length, context or plan.max_length)
    train, validation = train[: plan.train_samples], validation[: plan.validation_samples]
    fitted = _fit("training", train, task, tokenizer, limit, plan.length_percentile)
    held_out = _fit("validation", validation, task, tokenizer, fitted.limit, None)
    torch.manual_seed(plan.seed)
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    model = load_with_adapter(source, plan_here, device)
    trainer = Trainer(
        model=model,
        plan=plan_here,
        examples=fitted.encoded,
        held_out=held_out.encoded,
        pad=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
        device=device,
        checkpoint=Checkpoint(out, _identity(plan, source, train, validation, task, device)),
        on_progress=on_progress,
        should_stop=should_stop,
    )
    prepared = time.monotonic() - began
    state = trainer.run()
    trained = time.monotonic()
    _tell(on_progress, "validating", plan, state.step)
    for parameter in trainer.trained().values():  # as it will be stored
        parameter.data = parameter.data.bfloat16().float()
    result = validate(model, held_out.encoded, trainer.pad, device)
    _tell(on_progress, "saving", plan, state.step, result)
    data = {
        "samples": len(fitted.encoded),
        "sha256": content_hash(train),
        "limit_tokens": fitted.limit,
        "cut": fitted.cut,
        "left_out": [_called("training", each + 1, train[each]) for each in fitted.left_out],
        "validation_samples": len(held_out.encoded),
    }
    trainable = sum(parameter.numel() for parameter in trainer.trained().values())
    seconds = prepared + state.seconds + time.monotonic() - trained
    card = training_card(plan, source, state, result, device, data, trainable, seconds, price_per_hour)
    _save(model, source.name, out, card)
    trainer.checkpoint.delete()
    _tell(on_progress, "done", plan, state.step, result)
    return TrainedAdapter(out, result, card)


def _known_task(name: str) -> Task:
    tasks = load_tasks()
    if name not in tasks:
        raise TrainingError(f"There is no task {name}; there are {', '.join(tasks)}.")
    return tasks[name]


def _fit(
    role: str, samples: Sequence[Sample], task: Task, tokenizer: Any, limit: int, percentile: float | None
) -> Fitted:
    if not samples:
        raise TrainingError(f"There are no {role} samples for {task.id}; give at least one.")
    for number, sample in enumerate(samples, start=1):
        if not sample.completion.strip():
            raise TrainingError(
                f"{_called(role, number, sample).capitalize()} of {task.id} has an empty completion: there "
                "is nothing to learn from it. Fill it in or leave it out."
            )
    fitted = fit(samples, task, tokenizer, limit, percentile)
    if not fitted.encoded:
        raise TrainingError(
            f"None of the {len(samples)} {role} samples of {task.id} fits {fitted.limit} tokens; shorten the "
            "completions, or raise max_length as far as the base's context allows."
        )
    return fitted


def _called(role: str, number: int, sample: Sample) -> str:
    return f"{role} sample {number}" if sample.line is None else f"line {sample.line} of the {role} data"


def _identity(
    plan: AdapterPlan,
    source: BaseSource,
    train: Sequence[Sample],
    validation: Sequence[Sample],
    task: Task,
    device: str,
) -> dict[str, Any]:
    """What must be the same for a checkpoint to be this training's: all but how often one is written."""
    values = {name: value for name, value in asdict(plan).items() if name != "checkpoint_every"}
    return {
        **values,
        "targets": list(plan.targets),
        "base": source.fingerprint(),
        "training data": content_hash(train),
        "validation data": content_hash(validation),
        "template": task.template,
        "kind of device": device.partition(":")[0],
    }


def _save(model: PeftModel, base_name: str, out: Path, card: dict[str, Any]) -> None:
    """Writes everything beside `out`'s old files and then moves it in, the config last: a directory with
    `adapter_config.json` is a whole adapter."""
    for config in model.peft_config.values():
        config.base_model_name_or_path = base_name
    partial = out / "partial"
    try:
        out.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.bfloat16()
        model.save_pretrained(partial, save_embedding_layers=False)
        (partial / "README.md").unlink(
            missing_ok=True
        )  # PEFT's empty model card; the training card says more
        write_card(partial, card)
        for file in sorted(partial.iterdir(), key=lambda each: each.name == "adapter_config.json"):
            os.replace(file, out / file.name)
        partial.rmdir()
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise TrainingError(
            f"The adapter could not be written to {out}: {error.strerror or error}. Make room and start the "
            "same training again; it goes on from its last checkpoint."
        ) from error


def _tell(
    on_progress: OnProgress | None,
    phase: Any,
    plan: AdapterPlan,
    step: int,
    validation: Validation | None = None,
) -> None:
    if on_progress is not None:
        on_progress(Progress(phase, step, plan.steps, validation=validation))
