"""Everything that reads a user's trainings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet

from playground.finetuning.models import TrainingJob
from playground.world import current_world
from training.job import STOP
from training.plan import AdapterPlan, read_plan
from training.run_status import RunStatus, read_status

SMALL_BASE = 100_000_000  # parameters; below, a training is a matter of minutes on a CPU


def own_jobs(user: AbstractBaseUser) -> QuerySet[TrainingJob]:
    return TrainingJob.objects.filter(owner=user).select_related("adapter")


def readable_jobs(user: AbstractBaseUser) -> QuerySet[TrainingJob]:
    """The jobs that a user may look at: their own; staff all."""
    if user.is_staff:
        return TrainingJob.objects.select_related("adapter", "owner")
    return own_jobs(user)


def config_name() -> str:
    """The training configuration that suits the base."""
    parameters = current_world().base_parameters
    return "miniature" if parameters is not None and parameters < SMALL_BASE else "paper"


def default_plan() -> AdapterPlan:
    return read_plan(config_name(), "own")


def queue_position(job: TrainingJob) -> int:
    """How many trainings are before this one."""
    return TrainingJob.objects.filter(status__in=TrainingJob.ACTIVE, queued_at__lt=job.queued_at).count()


PHASES = {
    "": "Starting",
    "preparing": "Loading the base",
    "training": "Training",
    "validating": "Checking",
    "saving": "Saving the adapter",
    "evaluating": "Comparing with the base",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """A job as its page shows it."""

    status: RunStatus
    title: str
    detail: str
    chart: Chart | None

    @property
    def step(self) -> int:
        return self.status.step

    @property
    def steps(self) -> int:
        return self.status.steps or 1


def progress(job: TrainingJob) -> Progress:
    status = read_status(job.directory)
    if not job.active:
        return Progress(status, "", "", chart(status))
    stopping = (job.directory / STOP).exists()
    if stopping:
        title, detail = "Stopping", "After the step at hand; what it has learnt so far is kept."
    elif job.status == TrainingJob.Status.QUEUED or status.state == "waiting":
        title, detail = "Waiting", _waiting(job)
    else:
        title, detail = PHASES.get(status.phase, "Training"), _figures(status)
    return Progress(status, title, detail, chart(status))


def _waiting(job: TrainingJob) -> str:
    before = queue_position(job)
    if before:
        return (
            f"{before} training{' of another user comes' if before == 1 else 's of other users come'} first."
        )
    if settings.LORALAND_BROKER_URL:
        return "For a training worker to take it up."
    return "It starts in a moment."


def _figures(status: RunStatus) -> str:
    if not status.steps:
        return "This takes a few seconds."
    parts = [f"Step {status.step} of {status.steps}"]
    if status.loss is not None and status.step:
        parts.append(f"loss {status.loss:.3g}")
    if status.seconds_left and status.phase == "training":
        parts.append(f"about {_duration(status.seconds_left)} left")
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


@dataclass(frozen=True, slots=True)
class Chart:
    """The loss over the steps on a logarithmic scale, as points of a picture of 1000 × 400."""

    training: str
    validation: list[tuple[float, float]]
    decades: list[str]
    last_step: int

    @property
    def decades_last(self) -> int:
        return len(self.decades) - 1


def chart(status: RunStatus) -> Chart | None:
    """None until there are two points to draw a line between."""
    curve = [(step, max(loss, 1e-6)) for step, loss in status.curve]
    checks = [(step, max(loss, 1e-6)) for step, loss in status.validations]
    if len(curve) < 2:
        return None
    losses = [loss for _, loss in curve + checks]
    top, bottom = math.ceil(math.log10(max(losses))), math.floor(math.log10(min(losses)))
    bottom = min(bottom, top - 1)
    last = max(status.steps, curve[-1][0])

    def place(step: float, loss: float) -> tuple[float, float]:
        return round(1000 * step / last, 1), round(400 * (top - math.log10(loss)) / (top - bottom), 1)

    return Chart(
        training=" ".join(f"{x},{y}" for x, y in (place(*point) for point in curve)),
        validation=[place(*point) for point in checks],
        decades=[f"{10.0**power:g}" for power in range(top, bottom - 1, -1)],
        last_step=last,
    )


def start_choices() -> dict[str, Any]:
    """What the form of a training needs to know."""
    world = current_world()
    return {"default": default_plan(), "base_id": world.base_id, "base_name": world.base_name}
