"""Everything that reads: the catalogue, one adapter, a visitor's runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from playground.models import Adapter, Pane, Run
from playground.visitor import Visitor
from playground.world import current_world

SORTS = {
    "lift": lambda adapter: _descending(adapter.paper_lift, adapter),
    "gpt4": lambda adapter: _descending(adapter.lift_over_gpt4, adapter),
    "name": lambda adapter: (adapter.name.lower(),),
}


def _descending(value: float | None, adapter: Adapter) -> tuple:
    """Largest first, adapters without the figure last."""
    return (value is None, -(value or 0.0), adapter.position)


def _live_first(adapter: Adapter) -> tuple:
    return (not adapter.live, adapter.position, adapter.name)


@dataclass(frozen=True, slots=True)
class Catalogue:
    adapters: list[Adapter]
    categories: list[str]
    total: int
    live_count: int


def published() -> QuerySet[Adapter]:
    return Adapter.objects.filter(is_published=True)


def visible(user_id: int | None) -> QuerySet[Adapter]:
    """The published adapters, and those that the user has trained."""
    shown = Q(is_published=True)
    return Adapter.objects.filter(shown if user_id is None else shown | Q(owner_id=user_id))


def catalogue(
    *,
    q: str = "",
    category: str = "",
    sort: str = "",
    live: bool = False,
    user_id: int | None = None,
) -> Catalogue:
    """The adapters that this user may see and that match, and the figures of all they may see. One query.

    Every word of `q` must occur in an adapter's name, task id, category, summary or dataset.
    """
    everything = list(visible(user_id))
    words = q.lower().split()

    def matches(adapter: Adapter) -> bool:
        text = " ".join(
            (adapter.name, adapter.slug, adapter.category, adapter.summary, adapter.dataset)
        ).lower()
        return (
            all(word in text for word in words)
            and (not category or adapter.category == category)
            and (not live or adapter.live)
        )

    return Catalogue(
        adapters=sorted(filter(matches, everything), key=SORTS.get(sort, _live_first)),
        categories=sorted({adapter.category for adapter in everything}),
        total=len(everything),
        live_count=sum(adapter.live for adapter in everything),
    )


def _owned_by(visitor: Visitor) -> Q:
    owned = Q(visitor=visitor.name)
    return owned if visitor.user_id is None else owned | Q(user_id=visitor.user_id)


def owns(visitor: Visitor, run: Run) -> bool:
    return run.visitor == visitor.name or (visitor.user_id is not None and run.user_id == visitor.user_id)


def running_count(visitor: Visitor) -> int:
    running = Run.objects.filter(_owned_by(visitor), panes__status=Pane.Status.RUNNING)
    return running.distinct().count()


@database_sync_to_async
def any_run(run_id: UUID) -> Run | None:
    """The run with its panes, whoever owns it."""
    return Run.objects.prefetch_related("panes").filter(pk=run_id).first()


@database_sync_to_async
def own_run(visitor: Visitor, run_id: UUID) -> Run | None:
    """The run with its panes, if it is this visitor's."""
    return Run.objects.filter(_owned_by(visitor), pk=run_id).prefetch_related("panes").first()


@database_sync_to_async
def fresh_pane(pane: Pane) -> Pane | None:
    return Pane.objects.filter(pk=pane.pk).first()


@database_sync_to_async
def own_adapters() -> dict[str, Path]:
    """The directories of all adapters that users have trained here and that can be loaded, by slug."""
    own = Adapter.objects.exclude(weights="")
    return {adapter.slug: adapter.directory for adapter in own if adapter.live}


def world_context() -> dict[str, Any]:
    world = current_world()
    return {
        "name": world.name,
        "base_id": world.base_id,
        "base_name": world.base_name,
        "base_parameters": world.base_parameters,
        "base_summary": world.base_summary,
        "problem": world.problem,
    }


def site_context(request: HttpRequest) -> dict[str, Any]:
    """Template context of every page."""
    return {"world": world_context(), "sign_up": settings.LORALAND_SIGN_UP}
