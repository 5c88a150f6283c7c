"""The pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from playground import selectors, services
from playground.models import Adapter, Example
from playground.protocol import MAX_FRAME_BYTES, MAX_PANES, MAX_PROMPT_CHARACTERS
from playground.visitor import remember_visitor
from playground.world import current_world

SOCKET_PATH = "/ws/playground/"


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """All adapters; htmx gets the list alone."""
    sort = request.GET.get("sort", "")
    filters = {
        "q": request.GET.get("q", "").strip()[:200],
        "category": request.GET.get("category", ""),
        "sort": sort if sort in selectors.SORTS else "",
        "live": request.GET.get("live") == "1",
    }
    found = selectors.catalogue(**filters, user_id=request.user.pk)
    fragment = request.headers.get("HX-Request") == "true"
    response = render(
        request,
        "catalogue/_results.html" if fragment else "catalogue/index.html",
        {
            "adapters": found.adapters,
            "categories": found.categories,
            "total": found.total,
            "live_count": found.live_count,
            "filters": filters,
        },
    )
    # The same address gives two bodies; a cache (the browser's back button too) must keep them apart.
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
def adapter(request: HttpRequest, slug: str) -> HttpResponse:
    """One adapter: its form, its examples, and the comparison beside the base."""
    found = get_object_or_404(selectors.visible(request.user.pk), slug=slug)
    remember_visitor(request)
    examples = list(found.examples.all())
    sampling = {**services.SAMPLING_DEFAULTS, **found.sampling}
    values = examples[0].variables if examples else {}
    return render(
        request,
        "adapters/detail.html",
        {
            "adapter": found,
            "adapter_facts": current_world().adapters.get(found.slug),
            "form_fields": [{**field, "value": values.get(field["name"], "")} for field in found.fields],
            "examples": examples,
            "sampling_defaults": sampling,
            "page_config": page_config(found, examples, sampling),
        },
    )


def page_config(found: Adapter, examples: list[Example], sampling: dict[str, Any]) -> dict[str, Any]:
    """What the page's script needs to know."""
    return {
        "task": found.slug,
        "websocket_path": SOCKET_PATH,
        "live": found.live,
        "fields": found.fields,
        "template": found.template,
        "examples": [
            {"title": example.title, "variables": example.variables, "gold": example.gold}
            for example in examples
        ],
        "panes": [
            {"adapter": None, "name": f"{current_world().base_name} (base)"},
            {"adapter": found.slug, "name": found.name},
        ],
        "sampling": sampling,
        "limits": {
            "prompt_characters": MAX_PROMPT_CHARACTERS,
            "frame_bytes": MAX_FRAME_BYTES,
            "panes": MAX_PANES,
            "runs": services.MAX_RUNS_PER_VISITOR,
        },
    }
