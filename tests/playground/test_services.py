"""Clearing up after processes and visitors that are gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from playground import services
from playground.models import Pane, Run
from playground.supervisor import supervisor
from tests.playground.scripted_client import Script

pytestmark = pytest.mark.django_db


def test_only_what_was_running_becomes_interrupted():
    run = Run.objects.create(visitor="v", prompt="p")
    for index, status in enumerate(Pane.Status.values):
        Pane.objects.create(run=run, index=index, name="n", status=status)
    assert services.interrupt_orphans() == 1
    assert [pane.status for pane in run.panes.all()] == ["interrupted", "done", "failed", "interrupted"]
    assert run.panes.first().error_code == "interrupted"


def test_old_runs_are_forgotten_with_their_panes():
    for days in (29, 31):
        run = Run.objects.create(visitor="v", prompt=f"{days} days ago")
        Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=days))
        Pane.objects.create(run=run, index=0, name="n")
    assert services.forget_old_runs() == 1
    assert Run.objects.get().prompt == "29 days ago"
    assert Pane.objects.count() == 1


async def test_a_long_answer_is_saved_now_and_then(scripted, connect, monkeypatch):
    """So that a process that is killed leaves more than nothing behind."""
    monkeypatch.setattr("playground.supervisor.CHECKPOINT_SECONDS", 0)
    scripted.script(None, Script(["a", "b"], held=True))
    socket = await connect()
    run_id = (await socket.start())["id"]
    scripted.release(scripted.pane(run_id))
    await socket.until(lambda frame: frame.get("kind") == "tokens")
    while not (pane := await Pane.objects.aget(run_id=run_id)).text:
        pass
    assert (pane.status, pane.text, pane.marks) == ("running", "a", [[3, 1, 1]])
    scripted.release(scripted.pane(run_id), 2)
    await supervisor.idle()
    await pane.arefresh_from_db()
    assert (pane.status, pane.text) == ("done", "ab")


async def test_a_run_deleted_while_it_streams_stays_deleted(scripted, connect):
    scripted.script(None, Script(["a"], held=True))
    socket = await connect()
    run_id = (await socket.start())["id"]
    await Run.objects.filter(pk=run_id).adelete()
    scripted.release(scripted.pane(run_id), 2)
    await socket.finish()
    await supervisor.idle()
    assert not await Run.objects.aexists()
    assert not await Pane.objects.aexists()
