"""Everything that changes a run: starting, stopping, and clearing up after a process that died."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from channels.db import database_sync_to_async
from django.db import IntegrityError, transaction
from django.utils import timezone

from inference.client import InferenceClient
from inference.request import GenerationRequest, RequestError, SamplingParams
from playground import selectors
from playground.models import Adapter, Pane, Run
from playground.protocol import MAX_PROMPT_CHARACTERS, Start
from playground.supervisor import RunSupervisor
from playground.visitor import Visitor
from playground.world import current_world

MAX_RUNS_PER_VISITOR = 4
RUNS_KEPT = timedelta(days=30)
# Greedy, so that what differs between two panes is the adapter and not the draw.
SAMPLING_DEFAULTS: dict[str, Any] = {"max_tokens": 128, "temperature": 0.0}


async def start_run(
    client: InferenceClient, supervisor: RunSupervisor, visitor: Visitor, order: Start
) -> Run:
    """Starts the run that `order` describes, with all of its panes or none; returns it with its panes.

    An id this visitor has used before gives the run it named. Raises `RequestError` for an order that cannot
    be served: `unknown_adapter`, `invalid_parameter`, `bad_message`, `empty_prompt`, `prompt_too_long`,
    `too_many_runs`, `duplicate_run`, `overloaded`, `unavailable`.
    """
    # Two pages may send the same start at once: the second finds the first one's start going on, and then its
    # run; each asks again whose that is.
    await supervisor.settled(order.run_id)
    return await supervisor.start(order.run_id, _start(client, supervisor, visitor, order))


async def _known(visitor: Visitor, order: Start) -> Run | None:
    """The run that has the order's id already. Raises `RequestError` when it is another visitor's."""
    known = await selectors.any_run(order.run_id)
    if known is not None and not selectors.owns(visitor, known):
        raise RequestError("duplicate_run", "This run id is taken; make a new one.")
    return known


async def _start(client: InferenceClient, supervisor: RunSupervisor, visitor: Visitor, order: Start) -> Run:
    known = await _known(visitor, order)
    if known is not None:
        return known
    run, panes, sampling = await prepare(visitor, order)
    run.prompt_tokens = await client.count_tokens(run.prompt)
    try:
        await insert(run, panes, visitor)
    except IntegrityError:  # another process was quicker
        known = await _known(visitor, order)
        if known is None:
            raise
        return known
    submitted = []
    try:
        for pane in panes:
            await client.submit(
                GenerationRequest(
                    prompt=run.prompt,
                    adapter=pane.live_adapter,
                    sampling=sampling,
                    request_id=pane.request_id,
                )
            )
            submitted.append(pane.request_id)
    except BaseException:
        for request_id in submitted:
            await client.cancel(request_id)
        await delete(run)
        raise
    for pane in panes:
        supervisor.watch(client, pane)
    return await selectors.any_run(run.id)


@database_sync_to_async
def prepare(visitor: Visitor, order: Start) -> tuple[Run, list[Pane], SamplingParams]:
    """The unsaved rows for `order`, everything checked that needs no engine."""
    task = _visible(order.task, visitor) if order.task is not None else None
    prompt = order.prompt if order.prompt is not None else _rendered(task, order.variables)
    if not prompt.strip():
        raise RequestError("empty_prompt", "The prompt is empty. Write something for the model to continue.")
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise RequestError(
            "prompt_too_long",
            f"The prompt has {len(prompt):,} characters; at most {MAX_PROMPT_CHARACTERS:,} are allowed.",
        )
    defaults = {**SAMPLING_DEFAULTS, **(task.sampling if task else {})}
    if defaults.get("seed") is None:
        defaults["seed"] = secrets.randbelow(2**31)
    sampling = order.sampling.over(defaults)
    run = Run(
        id=order.run_id,
        visitor=visitor.name,
        user_id=visitor.user_id,
        adapter=task,
        variables=order.variables,
        prompt=prompt,
        sampling=public_sampling(sampling),
        gold=_gold(task, order.variables),
    )
    base_name = f"{current_world().base_name} (base)"
    panes = []
    for index, wanted in enumerate(order.panes):
        name = base_name if wanted.adapter is None else _live(wanted.adapter, visitor).name
        panes.append(Pane(run=run, index=index, adapter=wanted.adapter, name=name))
    return run, panes, sampling


def _visible(slug: str, visitor: Visitor) -> Adapter:
    try:
        return selectors.visible(visitor.user_id).get(slug=slug)
    except Adapter.DoesNotExist:
        raise RequestError("unknown_adapter", f"There is no adapter named {slug!r}.") from None


def _live(slug: str, visitor: Visitor) -> Adapter:
    adapter = _visible(slug, visitor)
    if not adapter.live:
        raise RequestError("unknown_adapter", f"{adapter.name} cannot answer here. {adapter.missing}")
    return adapter


def _rendered(task: Adapter, variables: dict[str, str]) -> str:
    names = [field["name"] for field in task.fields]
    unknown = sorted(set(variables) - set(names))
    absent = [name for name in names if name not in variables]
    if unknown or absent:
        wrong = f"{unknown[0]!r} is not one of them" if unknown else f"{absent[0]!r} is missing"
        raise RequestError("bad_message", f"{task.name} takes {', '.join(names)}; {wrong}.")
    if names and not any(value.strip() for value in variables.values()):
        raise RequestError("empty_prompt", f"Fill in the form of {task.name} first, or pick an example.")
    return task.render(variables)


def _gold(task: Adapter | None, variables: dict[str, str] | None) -> str | None:
    """The right answer, when the visitor runs an example unchanged."""
    if task is None or variables is None:
        return None
    for example in task.examples.all():
        if example.variables == variables and example.gold:
            return example.gold
    return None


def public_sampling(sampling: SamplingParams) -> dict[str, Any]:
    """Sampling parameters as stored and shown: enough to repeat the run exactly."""
    values = asdict(sampling)
    del values["logprobs"]
    return {**values, "stop": list(sampling.stop)}


@database_sync_to_async
@transaction.atomic
def insert(run: Run, panes: list[Pane], visitor: Visitor) -> None:
    if selectors.running_count(visitor) >= MAX_RUNS_PER_VISITOR:
        raise RequestError(
            "too_many_runs",
            f"You have {MAX_RUNS_PER_VISITOR} runs going already. Wait for one to end, or stop one.",
        )
    run.save(force_insert=True)
    Pane.objects.bulk_create(panes)


@database_sync_to_async
def delete(run: Run) -> None:
    Run.objects.filter(pk=run.pk).delete()


async def stop_run(client: InferenceClient, run: Run, pane: int | None) -> None:
    """Asks the engine to end one pane, or all. Stopping what has ended already does nothing.
    Raises `RequestError("invalid_parameter")` for a pane the run does not have."""
    panes = [each for each in run.panes.all() if pane is None or each.index == pane]
    if not panes:
        raise RequestError("invalid_parameter", f"This run has no pane {pane}.")
    for each in panes:
        try:
            await client.cancel(each.request_id)
        except RequestError as error:
            if error.code != "unknown_run":
                raise


def interrupt_orphans() -> int:
    """Marks what a process that died left running; returns how many panes that were."""
    return Pane.objects.filter(status=Pane.Status.RUNNING).update(
        status=Pane.Status.INTERRUPTED,
        error_code="interrupted",
        error_message="The server stopped before this answer was finished.",
    )


def forget_old_runs() -> int:
    """Deletes what visitors wrote more than `RUNS_KEPT` ago; returns how many runs that were."""
    _, deleted = Run.objects.filter(created_at__lt=timezone.now() - RUNS_KEPT).delete()
    return deleted.get(Run._meta.label, 0)
