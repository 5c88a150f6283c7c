"""A user's fine-tuning, from the upload to the adapter."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.urls import reverse

from training.job import delete


class TrainingJob(models.Model):
    """One uploaded file and what became of it. Samples, progress and weights are in `directory`; how far the
    training is stands in the run file there (`training.run_status`), not here.

    `problems` are pairs of a line and what is wrong with it; `parts` counts the samples of each part.
    """

    class Status(models.TextChoices):
        CHECKED = "checked"
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="training_jobs"
    )
    name = models.CharField(max_length=80)
    file_name = models.CharField("file", max_length=120)
    status = models.CharField(max_length=12, choices=Status, default=Status.CHECKED, db_index=True)
    rows = models.PositiveIntegerField("usable rows")
    problems = models.JSONField(default=list)
    preview = models.JSONField(default=list)
    parts = models.JSONField(default=dict)
    plan = models.JSONField("hyper-parameters", default=dict)
    base = models.CharField(max_length=120, blank=True)
    message = models.TextField(blank=True)
    result = models.JSONField(default=dict)
    adapter = models.OneToOneField(
        "playground.Adapter", on_delete=models.SET_NULL, null=True, blank=True, related_name="training_job"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(null=True, blank=True, db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner"],
                condition=models.Q(status__in=["queued", "running"]),
                name="one_training_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("training-job", args=[self.pk])

    @property
    def location(self) -> str:
        """Its directory, relative to the site's data."""
        return f"training/{self.pk.hex}"

    @property
    def directory(self) -> Path:
        return Path(settings.DATA_DIR) / self.location

    @property
    def upload(self) -> Path:
        return self.directory / f"upload{Path(self.file_name).suffix.lower()}"

    @property
    def slug(self) -> str:
        """The name of its adapter."""
        return f"own-{self.pk.hex[:12]}"

    @property
    def left_out(self) -> str:
        """How many rows are not used; of very many the first ones are kept, and one line for the rest."""
        named = sum(line is not None for line, _ in self.problems)
        more = "More than " if named < len(self.problems) else ""
        return f"{more}{named} row{'' if named == 1 else 's'}"

    @property
    def active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def can_go_on(self) -> bool:
        """Whether it has ended without an adapter, and can be taken up again."""
        return self.status in (self.Status.FAILED, self.Status.CANCELLED)


@receiver(post_delete, sender=TrainingJob)
def forget_files(instance: TrainingJob, **_: Any) -> None:
    """What a user has uploaded goes with the row, and with the user; what trains with it stops."""
    delete(instance.directory)
