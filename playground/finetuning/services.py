"""Everything that changes a training: checking a file, starting, cancelling, finishing, deleting."""

from __future__ import annotations

import errno
import logging
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from playground.finetuning import selectors
from playground.finetuning.models import TrainingJob, forget_files
from playground.models import Adapter, Example
from playground.world import current_world
from training import job as files
from training.context import length_complaint
from training.dataset_file import read_dataset
from training.errors import DatasetError
from training.run_status import RunStatus, is_silent, read_status
from training.tasks.free import PROMPT

logger = logging.getLogger(__name__)
Status = TrainingJob.Status
LEAST_ROWS, MOST_ROWS = 20, 20_000
MOST_JOBS = 20
SHOWN_PROBLEMS = 50
SHOWN_ROWS = 5


class Refused(Exception):
    """What a user wants cannot be done; the message is a sentence with the remedy."""


def check_upload(user: AbstractBaseUser, file: UploadedFile) -> TrainingJob:
    """Keeps and checks a file; returns the job that can be started with it. Raises `Refused`, and keeps
    nothing, when it cannot be used."""
    if TrainingJob.objects.filter(owner=user).count() >= MOST_JOBS:
        raise Refused(f"You have {MOST_JOBS} trainings already. Delete one that you no longer need.")
    name = PurePath(file.name).name[-120:]
    job = TrainingJob(owner=user, name=PurePath(name).stem[:80] or "My adapter", file_name=name, rows=0)
    try:
        _keep(job, file)
        _check(job)
    except OSError as error:
        forget_files(job)
        raise Refused(_disk_sentence(error)) from error
    except (DatasetError, Refused) as error:
        forget_files(job)
        # The reader names the file as it lies here; its owner knows it by another name.
        raise Refused(str(error).replace(job.upload.name, name)) from error
    job.save(force_insert=True)
    return job


def _keep(job: TrainingJob, file: UploadedFile) -> None:
    job.directory.mkdir(parents=True, mode=0o700)
    with job.upload.open("wb") as kept:
        for chunk in file.chunks():
            kept.write(chunk)


def _check(job: TrainingJob) -> None:
    world = current_world()
    if world.problem or world.base_path is None:
        raise Refused(f"Nothing can be trained here. {world.problem}")
    try:
        complaint = length_complaint(world.base_path, settings.LORALAND_MAX_MODEL_LEN)
    except (OSError, ValueError) as error:
        raise Refused(f"The base that runs here cannot be trained ({type(error).__name__}).") from error
    samples, problems = read_dataset(job.upload, complaint=complaint)
    if len(samples) < LEAST_ROWS:
        detail = f" The first problem, line {problems[0].line}: {problems[0].message}" if problems else ""
        raise Refused(
            f"{job.upload.name} has {len(samples)} usable row{'' if len(samples) == 1 else 's'}; at least "
            f"{LEAST_ROWS} are needed, and a few hundred are better.{detail}"
        )
    if len(samples) > MOST_ROWS:
        raise Refused(
            f"{job.upload.name} has {len(samples):,} rows; at most {MOST_ROWS:,} are allowed. "
            "A few thousand good ones are plenty."
        )
    job.rows = len(samples)
    job.problems = [[each.line, each.message] for each in problems[:SHOWN_PROBLEMS]]
    if len(problems) > SHOWN_PROBLEMS:
        job.problems.append([None, f"{len(problems) - SHOWN_PROBLEMS} more rows have problems."])
    job.preview = [[each.variables[PROMPT][:400], each.completion[:200]] for each in samples[:SHOWN_ROWS]]
    order = _order(job, {}, files.describe(samples))
    job.parts = files.write_job(job.directory, order, samples)


def _order(job: TrainingJob, overrides: dict[str, Any], facts: dict[str, Any]) -> files.JobOrder:
    return files.JobOrder(
        name=job.name,
        base=str(current_world().base_path),
        config=selectors.config_name(),
        overrides=overrides,
        **facts,
    )


def start(job: TrainingJob, name: str, overrides: dict[str, Any]) -> None:
    """Queues a checked job. Raises `Refused` when its owner has a training going already."""
    if job.status != Status.CHECKED:
        raise Refused("This training was started already.")
    written = files.read_order(job.directory)
    job.name, job.plan, job.base = name, overrides, current_world().base_id
    facts = {"metric_fn": written.metric_fn, "labels": written.labels, "max_tokens": written.max_tokens}
    try:
        files.write_order(job.directory, _order(job, overrides, facts))
    except OSError as error:
        raise Refused(_disk_sentence(error)) from error
    _queue(job)


def go_on(job: TrainingJob) -> None:
    """Takes a job that failed or was cancelled up again, from its last checkpoint."""
    if not job.can_go_on:
        raise Refused("There is nothing to go on with.")
    if job.base != current_world().base_id:
        raise Refused(f"It was trained from {job.base}, which does not run here any more.")
    try:
        files.resume(job.directory)
    except OSError as error:
        raise Refused(_disk_sentence(error)) from error
    _queue(job)


def _queue(job: TrainingJob) -> None:
    job.status, job.message, job.queued_at, job.ended_at = Status.QUEUED, "", timezone.now(), None
    try:
        with transaction.atomic():
            job.save()
    except IntegrityError:
        raise Refused("You have a training going already. Wait for it to end, or cancel it.") from None


def cancel(job: TrainingJob) -> None:
    """Ends a job: at once when nobody works on it, else after the step at hand. Does nothing to one that has
    ended."""
    if not job.active:
        return
    files.cancel(job.directory)
    idle = read_status(job.directory).state == "waiting" or is_silent(job.directory)
    if job.status == Status.QUEUED or idle:
        end(job, Status.CANCELLED, "Cancelled before it began.")


def end(job: TrainingJob, status: str, message: str = "") -> None:
    job.status, job.message, job.ended_at = status, message, timezone.now()
    job.save(update_fields=["status", "message", "ended_at"])


@transaction.atomic
def finish(job: TrainingJob, outcome: RunStatus) -> Adapter:
    """Puts the adapter of a job that is done into the catalogue, for its owner alone."""
    result = {**outcome.result}
    examples = result.pop("examples", [])
    order = files.read_order(job.directory)
    measured = {
        **{name: result[name] for name in ("metric", "n", "base", "adapter")},
        **{name: result[name] for name in ("base_interval", "adapter_interval")},
        "date": timezone.now().date().isoformat(),
    }
    adapter, _ = Adapter.objects.update_or_create(
        slug=job.slug,
        defaults={
            "name": job.name,
            "category": "Trained here",
            "summary": f"Trained here on {job.rows:,} examples of {job.file_name}."[:300],
            "dataset": job.file_name,
            "metric": result["metric"],
            "template": order.task.template,
            "fields": [{"name": PROMPT, "label": "Prompt", "multiline": True}],
            "sampling": {"max_tokens": order.max_tokens, "stop": [], "temperature": 0},
            "measured": measured,
            "position": 1000,
            "is_published": False,
            "owner": job.owner,
            "weights": f"{job.location}/{files.ADAPTER}",
            "trained_on": job.base,
        },
    )
    adapter.examples.all().delete()
    Example.objects.bulk_create(
        Example(
            adapter=adapter,
            title=f"Held-out example {number}",
            variables={PROMPT: each["prompt"]},
            gold=each["gold"],
            position=number,
        )
        for number, each in enumerate(examples, start=1)
    )
    job.adapter, job.result, job.message = adapter, {**result, "examples": examples}, ""
    job.status, job.ended_at = Status.FINISHED, timezone.now()
    job.save()
    return adapter


def delete(job: TrainingJob) -> str | None:
    """Deletes a job that is not active, with its files and its adapter; returns the adapter's slug, for the
    engine to forget. Raises `Refused`."""
    if job.active:
        raise Refused("Cancel the training first.")
    slug = job.adapter.slug if job.adapter else None
    with transaction.atomic():
        if job.adapter:
            job.adapter.delete()
        job.delete()
    return slug


def _disk_sentence(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The server's disk is full, so nothing was kept. Try again later, or tell its administrator."
    logger.error("A training's files could not be written", exc_info=error)
    return "The server could not write the file. The cause is in its log."
