"""Fills the catalogue from its two sources: the task definitions and the world that is served.

Facts (dataset, template, scores, …) always follow the sources. Texts that an editor changed in the admin
(`Adapter.customised`), and examples that an editor wrote, stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from playground.models import Adapter, Example
from playground.world import World

if TYPE_CHECKING:
    from training.tasks import Task


@dataclass(frozen=True, slots=True)
class Loaded:
    created: int
    updated: int
    live: int


@transaction.atomic
def load_catalogue(tasks: Iterable[Task], world: World) -> Loaded:
    """Inserts or updates an adapter for every task of the site. Running it again changes nothing."""
    created = updated = live = 0
    known = {adapter.slug: adapter for adapter in Adapter.objects.prefetch_related("examples")}
    for position, task in enumerate((task for task in tasks if task.on_site), start=1):
        adapter = known.get(task.id)
        facts = adapter_facts(task, position, world)
        if adapter is None:
            adapter = Adapter.objects.create(**facts)
            created += 1
        else:
            updated += _update(adapter, facts)
        _load_examples(adapter, task, world)
        live += world.availability(task.id).live
    return Loaded(created, updated, live)


def adapter_facts(task: Task, position: int, world: World) -> dict[str, Any]:
    entry = world.adapters.get(task.id)
    return {
        "slug": task.id,
        "name": task.name,
        "category": task.category,
        "summary": task.summary,
        "dataset": task.dataset,
        "dataset_url": task.dataset_url,
        "hub_id": task.hub_id,
        "metric": task.metric,
        "template": task.template,
        "fields": [
            {"name": field.name, "label": field.label, "multiline": field.multiline} for field in task.fields
        ],
        "sampling": {
            "max_tokens": task.max_tokens,
            "stop": list(task.stop),
            **(entry.sampling if entry else {}),
        },
        "paper_base": task.paper.base if task.paper else None,
        "paper_lora": task.paper.lora if task.paper else None,
        "paper_gpt4": task.paper.gpt4 if task.paper else None,
        "measured": entry.measured if entry else None,
        "position": position,
    }


def _update(adapter: Adapter, facts: Mapping[str, Any]) -> bool:
    changed = [
        name
        for name, value in facts.items()
        if name not in adapter.customised and getattr(adapter, name) != value
    ]
    for name in changed:
        setattr(adapter, name, facts[name])
    if changed:
        adapter.save(update_fields=changed)
    return bool(changed)


def _load_examples(adapter: Adapter, task: Task, world: World) -> None:
    """The world's own examples where it has some (its base may know nothing of the original data)."""
    entry = world.adapters.get(task.id)
    if entry and entry.examples:
        wanted = [(each["title"], each["variables"], each.get("gold") or "") for each in entry.examples]
    else:
        wanted = [(each.title, dict(each.variables), each.gold or "") for each in task.examples]
    present = {example.title: example for example in adapter.examples.all()}
    for position, (title, variables, gold) in enumerate(wanted, start=1):
        facts = {"variables": variables, "gold": gold, "position": position}
        example = present.pop(title, None)
        if example is None:
            Example.objects.create(adapter=adapter, title=title, from_catalogue=True, **facts)
        elif example.from_catalogue and any(getattr(example, name) != facts[name] for name in facts):
            Example.objects.filter(pk=example.pk).update(**facts)
    Example.objects.filter(pk__in=[each.pk for each in present.values() if each.from_catalogue]).delete()
