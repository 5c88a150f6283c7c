"""What the site remembers: the catalogue of adapters, and the runs its visitors started."""

from __future__ import annotations

import uuid
from pathlib import Path
from string import Formatter

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.functional import cached_property

from playground.world import Availability, current_world


def check_template(template: str) -> None:
    """A prompt template holds plain `{name}` placeholders only: no attribute access, no format codes."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValidationError(f"The template cannot be read: {error}.") from None
    for _, name, spec, conversion in parts:
        if name is not None and (not name.isidentifier() or spec or conversion):
            raise ValidationError(
                f"'{{{name}}}' is not a plain placeholder. Write {{name}}, or double braces."
            )


class Adapter(models.Model):
    """One fine-tuned adapter of the catalogue.

    The facts come from the task definitions and from the world that is served (`playground.catalogue`);
    texts that an editor has changed in the admin are named in `customised` and survive a reload. One that a
    user has trained here has an `owner`, who alone sees it until it is published; its weights are in the
    directory `weights` of the site's data, and fit the base `trained_on`.
    """

    EDITABLE = ("name", "category", "summary", "position", "is_published")

    slug = models.SlugField("task id", max_length=64, unique=True)
    name = models.CharField(max_length=120)
    category = models.CharField(max_length=80, db_index=True)
    summary = models.CharField(max_length=300)
    dataset = models.CharField(max_length=200)
    dataset_url = models.CharField(max_length=200, blank=True)
    hub_id = models.CharField("Hugging Face id", max_length=120, blank=True)
    metric = models.CharField(max_length=40, blank=True)
    template = models.TextField("prompt template", validators=[check_template])
    fields = models.JSONField("form fields", default=list)
    sampling = models.JSONField("sampling defaults", default=dict, blank=True)
    paper_base = models.FloatField("paper: base", null=True, blank=True)
    paper_lora = models.FloatField("paper: adapter", null=True, blank=True)
    paper_gpt4 = models.FloatField("paper: GPT-4", null=True, blank=True)
    measured = models.JSONField("measured in this world", null=True, blank=True)
    position = models.PositiveIntegerField(default=0, help_text="Order in the catalogue.")
    is_published = models.BooleanField("published", default=True)
    customised = models.JSONField(default=list, blank=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="adapters"
    )
    weights = models.CharField(max_length=200, blank=True, editable=False)
    trained_on = models.CharField("base it was trained from", max_length=120, blank=True, editable=False)

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("adapter", args=[self.slug])

    def render(self, variables: dict[str, str]) -> str:
        """The prompt with the template's placeholders filled in. Raises `KeyError` for a missing one."""
        return self.template.format_map(variables)

    @cached_property
    def availability(self) -> Availability:
        if self.directory is not None:
            return current_world().own_availability(self.slug, self.directory, self.trained_on)
        return current_world().availability(self.slug)

    @property
    def directory(self) -> Path | None:
        """Where the weights of an adapter that was trained here are; None for the world's own."""
        return Path(settings.DATA_DIR) / self.weights if self.weights else None

    @property
    def live(self) -> bool:
        """Whether its weights are here, so that it can answer."""
        return self.availability.live

    @property
    def missing(self) -> str:
        """What keeps it from answering, in a sentence; empty when it is live."""
        return self.availability.missing

    @property
    def paper_lift(self) -> float | None:
        """Points (share of 1) by which the paper's adapter beats its base."""
        return _difference(self.paper_lora, self.paper_base)

    @property
    def lift_over_gpt4(self) -> float | None:
        return _difference(self.paper_lora, self.paper_gpt4)

    @property
    def measured_lift(self) -> float | None:
        """The same as `paper_lift`, measured in the world that is served."""
        measured = self.measured or {}
        return _difference(measured.get("adapter"), measured.get("base"))


def _difference(score: float | None, reference: float | None) -> float | None:
    return None if score is None or reference is None else score - reference


class Example(models.Model):
    """Values that fill an adapter's form, with the answer that is right."""

    adapter = models.ForeignKey(Adapter, on_delete=models.CASCADE, related_name="examples")
    title = models.CharField(max_length=120)
    variables = models.JSONField(default=dict)
    gold = models.TextField("right answer", blank=True)
    position = models.PositiveIntegerField(default=0)
    from_catalogue = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["adapter", "title"], name="example_title_once")]

    def __str__(self) -> str:
        return self.title


class Run(models.Model):
    """One press of the run button: a prompt, answered in one or more panes.

    `id` is made by the browser, which makes starting a run idempotent. `visitor` is the random name kept in
    the session of who started it; a signed-in user owns their runs under every session.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor = models.CharField(max_length=32, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    adapter = models.ForeignKey(
        Adapter, verbose_name="task", on_delete=models.SET_NULL, null=True, blank=True, related_name="runs"
    )
    variables = models.JSONField(null=True, blank=True)
    prompt = models.TextField()
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    gold = models.TextField(null=True, blank=True)
    sampling = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return str(self.id)


class Pane(models.Model):
    """One adapter's (or the base's) answer within a run, kept for when the engine's log has expired.

    `marks` are triples `[seq, length, tokens]`: after event `seq` the text had that many characters, made of
    that many tokens. They let a reader that has seen part of the answer go on from exactly there. `last_seq`
    is the number of the last event.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        INTERRUPTED = "interrupted"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="panes")
    index = models.PositiveSmallIntegerField()
    adapter = models.CharField(max_length=64, null=True, blank=True)
    name = models.CharField(max_length=160)
    status = models.CharField(max_length=12, choices=Status, default=Status.RUNNING, db_index=True)
    text = models.TextField(blank=True)
    marks = models.JSONField(default=list)
    last_seq = models.PositiveIntegerField(default=0, validators=[MinValueValidator(0)])
    finish_reason = models.CharField(max_length=12, blank=True)
    usage = models.JSONField(null=True, blank=True)
    timings = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)

    class Meta:
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["run", "index"], name="pane_index_once")]

    def __str__(self) -> str:
        return f"{self.run_id} pane {self.index}"

    @property
    def request_id(self) -> str:
        """The saved pane's run id in the engine. Its key tells apart two tries at the same run: the first was
        refused and cancelled, and the engine still remembers it."""
        return f"{self.run_id.hex}-{self.index}-{self.pk}"

    @property
    def live_adapter(self) -> str | None:
        return self.adapter or None


# Django looks for models here; those of the fine-tuning live with the rest of it.
from playground.finetuning.models import TrainingJob  # noqa: E402, F401
