"""The admin: editors change texts, order, examples and publication; facts and runs are there to read."""

from __future__ import annotations

import json

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator

from playground.models import Adapter, Example, Pane, Run, TrainingJob

admin.site.site_header = "LoRA Land"
admin.site.site_title = "LoRA Land admin"
admin.site.index_title = "Administration"


def pretty(value: object) -> str:
    if value in (None, "", [], {}):
        return "–"
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))


def points(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


class ExampleInline(admin.StackedInline):
    model = Example
    fields = ("title", "variables", "gold", "position")
    extra = 0
    formfield_overrides = {
        models.JSONField: {"widget": AdminTextareaWidget(attrs={"rows": 4})},
        models.TextField: {"widget": AdminTextareaWidget(attrs={"rows": 3})},
    }


class LiveFilter(admin.SimpleListFilter):
    title = "weights"
    parameter_name = "live"

    def lookups(self, request, model_admin):
        return [("1", "Live"), ("0", "Missing")]

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        live = [adapter.pk for adapter in queryset if adapter.live == (self.value() == "1")]
        return queryset.filter(pk__in=live)


@admin.register(Adapter)
class AdapterAdmin(admin.ModelAdmin):
    list_display = ("name", "category", "is_live", "is_published", "base", "lora", "gpt4")
    list_filter = (LiveFilter, "is_published", "category")
    search_fields = ("name", "slug", "category", "summary", "dataset", "hub_id")
    ordering = ("position", "name")
    list_per_page = 50
    actions = ("publish", "unpublish")
    inlines = (ExampleInline,)
    readonly_fields = (
        "slug",
        "owner",
        "availability_sentence",
        "dataset",
        "dataset_url",
        "hub_id",
        "metric",
        "template_text",
        "fields_json",
        "sampling_json",
        "paper_base",
        "paper_lora",
        "paper_gpt4",
        "measured_json",
        "customised_text",
    )
    fieldsets = (
        (None, {"fields": Adapter.EDITABLE}),
        ("Prompt", {"fields": ("template_text", "fields_json", "sampling_json")}),
        (
            "Provenance",
            {
                "description": "Facts from the task definitions and from the world that is served.",
                "fields": (
                    "slug",
                    "owner",
                    "availability_sentence",
                    "dataset",
                    "dataset_url",
                    "hub_id",
                    "customised_text",
                ),
            },
        ),
        ("Scores", {"fields": ("metric", "paper_base", "paper_lora", "paper_gpt4", "measured_json")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        # An adapter without a task definition and weights could not answer; load_catalogue makes them.
        return False

    def save_model(self, request, obj: Adapter, form, change) -> None:
        """Remembers which texts an editor changed, so that load_catalogue leaves them alone."""
        edited = [name for name in form.changed_data if name in Adapter.EDITABLE and name != "is_published"]
        obj.customised = sorted({*obj.customised, *edited})
        super().save_model(request, obj, form, change)

    def save_formset(self, request, form, formset, change) -> None:
        """An example that an editor changed is the editor's from then on."""
        for example in formset.save(commit=False):
            example.from_catalogue = False
            example.save()
        for example in formset.deleted_objects:
            example.delete()
        formset.save_m2m()

    @admin.display(description="live", boolean=True)
    def is_live(self, adapter: Adapter) -> bool:
        return adapter.live

    @admin.display(description="base", ordering="paper_base")
    def base(self, adapter: Adapter) -> str:
        return points(adapter.paper_base)

    @admin.display(description="adapter", ordering="paper_lora")
    def lora(self, adapter: Adapter) -> str:
        return points(adapter.paper_lora)

    @admin.display(description="GPT-4", ordering="paper_gpt4")
    def gpt4(self, adapter: Adapter) -> str:
        return points(adapter.paper_gpt4)

    @admin.display(description="weights")
    def availability_sentence(self, adapter: Adapter) -> str:
        return adapter.missing or "Here, and live."

    @admin.display(description="prompt template")
    def template_text(self, adapter: Adapter) -> str:
        return format_html("<pre>{}</pre>", adapter.template)

    @admin.display(description="form fields")
    def fields_json(self, adapter: Adapter) -> str:
        return pretty(adapter.fields)

    @admin.display(description="sampling defaults")
    def sampling_json(self, adapter: Adapter) -> str:
        return pretty(adapter.sampling)

    @admin.display(description="measured in this world")
    def measured_json(self, adapter: Adapter) -> str:
        return pretty(adapter.measured)

    @admin.display(description="changed by an editor")
    def customised_text(self, adapter: Adapter) -> str:
        return ", ".join(adapter.customised) or "Nothing; every text follows the task definition."

    @admin.action(description="Publish the selected adapters", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Adapter]) -> None:
        self._set_published(request, queryset, True)

    @admin.action(description="Unpublish the selected adapters", permissions=["change"])
    def unpublish(self, request: HttpRequest, queryset: QuerySet[Adapter]) -> None:
        self._set_published(request, queryset, False)

    def _set_published(self, request: HttpRequest, queryset: QuerySet[Adapter], published: bool) -> None:
        changed = queryset.exclude(is_published=published)
        for adapter in changed:
            self.log_change(request, adapter, "Published." if published else "Unpublished.")
        count = changed.update(is_published=published)
        word = "published" if published else "unpublished"
        self.message_user(request, f"{count} adapter{'' if count == 1 else 's'} {word}.", messages.SUCCESS)


class ReadOnly:
    """Rows the site writes: to look at and to delete, not to edit."""

    def has_add_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


class PaneInline(ReadOnly, admin.StackedInline):
    model = Pane
    fields = ("name", "adapter", "status", "finish_reason", "text", "usage", "timings", "error_message")
    extra = 0
    can_delete = False


@admin.register(Run)
class RunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("created_at", "adapter", "beginning", "states", "user")
    list_filter = ("created_at", "panes__status", ("adapter", admin.RelatedOnlyFieldListFilter))
    search_fields = ("id", "prompt", "panes__text")
    date_hierarchy = "created_at"
    fields = ("id", "created_at", "user", "adapter", "prompt", "prompt_tokens", "gold", "sampling")
    inlines = (PaneInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).select_related("adapter", "user").prefetch_related("panes")

    @admin.display(description="prompt")
    def beginning(self, run: Run) -> str:
        return Truncator(run.prompt).chars(80)

    @admin.display(description="panes")
    def states(self, run: Run) -> str:
        return ", ".join(f"{pane.name}: {pane.get_status_display()}" for pane in run.panes.all())


@admin.register(TrainingJob)
class TrainingJobAdmin(ReadOnly, admin.ModelAdmin):
    """To look at; deleting is the owner's, on the job's page, because files and weights go with it."""

    list_display = ("created_at", "name", "owner", "status", "rows", "adapter")
    list_filter = ("status", "created_at")
    list_select_related = ("owner", "adapter")
    search_fields = ("name", "file_name", "owner__username")
    date_hierarchy = "created_at"
    fields = (
        "id",
        "owner",
        "name",
        "file_name",
        "status",
        "message",
        "rows",
        "plan",
        "base",
        "result",
        "adapter",
    )

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False
