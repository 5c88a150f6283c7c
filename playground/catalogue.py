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

EXAMPLE_FACTS = ("variables", "gold", "position")


@dataclass(frozen=True, slots=True)
class Loaded:
    created: int
    updated: int
    live: int


@transaction.atomic
def load_catalogue(tasks: Iterable[Task], world: World) -> Loaded:
    """Inserts or updates an adapter for every task of the site. Running it again changes nothing."""
    known = {adapter.slug: adapter for adapter in Adapter.objects.prefetch_related("examples")}
    created: list[Adapter] = []
    updated = 0
    wanted: list[tuple[Adapter, list[Example]]] = []
    for position, task in enumerate((task for task in tasks if task.on_site), start=1):
        facts = adapter_facts(task, position, world)
        adapter = known.get(task.id)
        if adapter is None:
            adapter = Adapter(**facts)
            created.append(adapter)
        else:
            updated += _update(adapter, facts)
        wanted.append((adapter, catalogue_examples(adapter, task, world)))
    Adapter.objects.bulk_create(created)
    new = [example for adapter, examples in wanted for example in _new_examples(adapter, examples, known)]
    Example.objects.bulk_create(new)
    live = sum(world.availability(adapter.slug).live for adapter, _ in wanted)
    return Loaded(len(created), updated, live)


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


def catalogue_examples(adapter: Adapter, task: Task, world: World) -> list[Example]:
    """Unsaved rows: the world's own examples where it has some; its base may not know the original data."""
    entry = world.adapters.get(task.id)
    if entry and entry.examples:
        rows = [(each["title"], each["variables"], each.get("gold") or "") for each in entry.examples]
    else:
        rows = [(each.title, dict(each.variables), each.gold or "") for each in task.examples]
    return [
        Example(
            adapter=adapter,
            title=title,
            variables=variables,
            gold=gold,
            position=position,
            from_catalogue=True,
        )
        for position, (title, variables, gold) in enumerate(rows, start=1)
    ]


def _new_examples(adapter: Adapter, wanted: list[Example], known: Mapping[str, Adapter]) -> list[Example]:
    """Those of `wanted` that are not there yet; brings the others up to date and deletes what has gone."""
    if adapter.slug not in known:
        return wanted
    present = {example.title: example for example in adapter.examples.all()}
    new = []
    for example in wanted:
        there = present.pop(example.title, None)
        if there is None:
            new.append(example)
        elif there.from_catalogue and any(
            getattr(there, name) != getattr(example, name) for name in EXAMPLE_FACTS
        ):
            example.pk = there.pk
            example.save(update_fields=EXAMPLE_FACTS)
    for gone in present.values():
        if gone.from_catalogue:
            gone.delete()
    return new
