"""`/v1/models`, and which model a request means: the base by its name, an adapter by its task or hub id."""

from __future__ import annotations

from typing import Any

from channels.db import database_sync_to_async
from django.db.models import Q
from django.http import HttpRequest, JsonResponse

from playground import selectors
from playground.api.errors import ApiError, endpoint
from playground.world import current_world


def _created() -> int:
    """When the world was made, in seconds since 1970; OpenAI wants a date for each model."""
    try:
        return int((current_world().directory / "world.json").stat().st_mtime)
    except OSError:
        return 0


def _entry(name: str, parent: str | None) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": _created(),
        "owned_by": "loraland",
        "root": name,
        "parent": parent,
    }


@database_sync_to_async
def served() -> list[dict[str, Any]]:
    """The base, then every published adapter whose weights are here."""
    base = current_world().base_id
    live = [adapter.slug for adapter in selectors.published() if adapter.live]
    return [_entry(base, None), *(_entry(slug, base) for slug in live)]


@database_sync_to_async
def adapter_of(model: str) -> str | None:
    """The adapter that `model` names; None is the base. Raises `ApiError` (404), saying what is missing."""
    world = current_world()
    if model in (world.base_id, world.base_name):
        return None
    adapter = selectors.published().filter(Q(slug=model) | (Q(hub_id=model) & ~Q(hub_id=""))).first()
    if adapter is None:
        sentence = f"There is no model {model!r:.120}. GET /v1/models lists those that are served."
    elif not adapter.live:
        sentence = f"The model {model!r} is not served here. {adapter.missing}"
    else:
        return adapter.slug
    raise ApiError(sentence, status=404, param="model", code="model_not_found")


@endpoint("GET")
async def models(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"object": "list", "data": await served()})


@endpoint("GET")
async def model(request: HttpRequest, name: str) -> JsonResponse:
    adapter = await adapter_of(name)
    base = current_world().base_id
    return JsonResponse(_entry(base, None) if adapter is None else _entry(adapter, base))
