"""Coming back to a run: after a reload, after a dropped line, after the engine has forgotten it."""

from __future__ import annotations

import uuid

import pytest
from asgiref.sync import sync_to_async

from playground import services
from playground.engine import engine
from playground.models import Pane, Run
from playground.supervisor import RunSupervisor, supervisor
from tests.playground.browser_socket import is_end
from tests.playground.scripted_client import Script

PIECES = ["Zwei", " Wörter", ",", " dann", " Schluss"]
PAIR = [{"adapter": None}, {"adapter": "glue_sst2"}]


async def finished_run(scripted, connect, visitor, panes=None) -> str:
    scripted.script(None, Script(PIECES))
    scripted.script("glue_sst2", Script(["1"]))
    socket = await connect(visitor)
    started = await socket.start(panes=panes or [{"adapter": None}])
    await socket.finish(panes=len(started["panes"]))
    await supervisor.idle()
    return started["id"]


@pytest.mark.parametrize("expired", [False, True], ids=["from the log", "from the database"])
async def test_resuming_at_every_cursor_gives_exactly_the_rest(scripted, connect, visitor, expired):
    run_id = await finished_run(scripted, connect, visitor)
    log = list(scripted.runs[scripted.pane(run_id)].log)
    if expired:
        scripted.expire(scripted.pane(run_id))
    for cursor in range(len(log)):
        socket = await connect(visitor)
        started = await socket.ask({"type": "resume", "id": run_id, "cursors": {"0": cursor}})
        assert started["type"] == "started"
        await socket.finish()
        rest = "".join(event.text for event in log if event.seq > cursor and event.kind == "tokens")
        assert socket.text() == rest
        counted = sum(frame["count"] for frame in socket.events() if frame["kind"] == "tokens")
        assert counted == sum(1 for event in log if event.seq > cursor and event.kind == "tokens")
        assert all(frame["seq"] > cursor for frame in socket.events())
        done = socket.events()[-1]
        assert (done["kind"], done["seq"], done["finish_reason"]) == ("done", len(log), "stop")
        assert done["usage"]["completion_tokens"] == len(PIECES)
        await socket.close()


@pytest.mark.parametrize("expired", [False, True], ids=["from the log", "from the database"])
async def test_resuming_after_the_end_sends_nothing_more(scripted, connect, visitor, expired):
    run_id = await finished_run(scripted, connect, visitor)
    last = len(scripted.runs[scripted.pane(run_id)].log)
    if expired:
        scripted.expire(scripted.pane(run_id))
    socket = await connect(visitor)
    await socket.ask({"type": "resume", "id": run_id, "cursors": {"0": last}})
    assert await socket.silent()


async def test_a_dropped_line_in_mid_stream_loses_and_doubles_nothing(scripted, connect, visitor):
    scripted.script(None, Script(PIECES, held=True))
    socket = await connect(visitor)
    run_id = (await socket.start())["id"]
    engine_id = scripted.pane(run_id)
    scripted.release(engine_id, 2)
    await socket.until(lambda frame: socket.text() == "Zwei Wörter")
    before, cursor = socket.text(), socket.events()[-1]["seq"]
    await socket.close()

    scripted.release(engine_id, 2)  # the answer goes on with nobody looking
    back = await connect(visitor)
    await back.send({"type": "resume", "id": run_id, "cursors": {"0": cursor}})
    await back.until(lambda frame: frame.get("kind") == "tokens")
    scripted.release(engine_id, 2)
    await back.finish()
    assert before + back.text() == "".join(PIECES)


async def test_a_reload_replays_everything(scripted, connect, visitor):
    run_id = await finished_run(scripted, connect, visitor, PAIR)
    socket = await connect(visitor)
    started = await socket.ask({"type": "resume", "id": run_id})
    await socket.finish(panes=2)
    assert started["prompt"] == "Once upon a time"
    assert (socket.text(0), socket.text(1)) == ("".join(PIECES), "1")


async def test_two_windows_may_watch_one_run(scripted, connect, visitor):
    scripted.script(None, Script(PIECES, held=True))
    first, second = await connect(visitor), await connect(visitor)
    run_id = (await first.start())["id"]
    await second.ask({"type": "resume", "id": run_id})
    scripted.release(scripted.pane(run_id), len(PIECES) + 1)
    await first.finish()
    await second.finish()
    assert first.text() == second.text() == "".join(PIECES)


async def test_resuming_on_the_same_socket_replaces_what_was_streaming(scripted, connect, visitor):
    scripted.script(None, Script(PIECES, held=True))
    socket = await connect(visitor)
    run_id = (await socket.start())["id"]
    scripted.release(scripted.pane(run_id), 2)
    await socket.until(lambda frame: socket.text() == "Zwei Wörter")
    socket.frames.clear()
    await socket.send({"type": "resume", "id": run_id, "cursors": {}})
    await socket.until(lambda frame: frame["type"] == "started")
    scripted.release(scripted.pane(run_id), len(PIECES))
    await socket.finish()
    assert socket.text() == "".join(PIECES)
    assert await socket.silent()


async def test_another_visitors_run_cannot_be_watched_or_stopped(scripted, connect, visitor):
    scripted.script(None, Script(held=True))
    owner, other = await connect(visitor), await connect()
    run_id = (await owner.start())["id"]
    for command in ("resume", "stop"):
        refused = await other.ask({"type": command, "id": run_id})
        assert (refused["type"], refused["code"]) == ("error", "unknown_run")
    assert not scripted.runs[scripted.pane(run_id)].cancelled.is_set()


async def test_another_visitors_id_cannot_be_started(scripted, connect, visitor):
    run_id = await finished_run(scripted, connect, visitor)
    other = await connect()
    refused = await other.start(run_id)
    assert (refused["type"], refused["code"]) == ("error", "duplicate_run")


async def test_a_signed_in_user_finds_their_run_from_another_session(scripted, connect, django_user_model):
    user = await django_user_model.objects.acreate_user("ada", password="lovelace")
    here, there = await signed_in(user), await signed_in(user)
    run_id = await finished_run(scripted, connect, here)
    socket = await connect(there)
    assert (await socket.ask({"type": "resume", "id": run_id}))["type"] == "started"


async def test_an_ended_session_can_do_nothing_more(scripted, connect, visitor):
    from django.contrib.sessions.models import Session

    socket = await connect(visitor)
    run_id = (await socket.start())["id"]
    await socket.finish()
    await Session.objects.filter(session_key=visitor).adelete()
    refused = await socket.ask({"type": "resume", "id": run_id})
    assert refused["code"] == "no_session"


async def test_a_run_that_a_dead_process_left_is_told_as_interrupted(scripted, connect, visitor):
    run_id = uuid.uuid4()
    await orphan(visitor, run_id, text="half an ans", marks=[[3, 4, 1], [4, 11, 2]], last_seq=4)
    assert await sync_to_async(services.interrupt_orphans)() == 1

    socket = await connect(visitor)
    await socket.ask({"type": "resume", "id": str(run_id), "cursors": {"0": 3}})
    end = await socket.until(is_end)
    assert socket.text() == " an ans"
    assert (end["kind"], end["code"], end["seq"]) == ("error", "interrupted", 5)

    # A browser may have seen more than was saved; the end must still reach it.
    ahead = await connect(visitor)
    await ahead.ask({"type": "resume", "id": str(run_id), "cursors": {"0": 9}})
    end = await ahead.until(is_end)
    assert (ahead.text(), end["seq"]) == ("", 10)


async def test_a_stopping_server_keeps_the_partial_answer(scripted, connect, visitor, monkeypatch):
    own = RunSupervisor()
    monkeypatch.setattr("playground.consumers.supervisor", own)
    scripted.script(None, Script(PIECES, held=True))
    socket = await connect(visitor)
    run_id = (await socket.start())["id"]
    scripted.release(scripted.pane(run_id), 2)
    await socket.until(lambda frame: socket.text() == "Zwei Wörter")
    await own.close()
    pane = await Pane.objects.aget(run_id=run_id)
    assert (pane.status, pane.text) == ("interrupted", "Zwei Wörter")


async def test_ended_runs_can_be_read_while_the_engine_is_away(scripted, connect, visitor, monkeypatch):
    run_id = await finished_run(scripted, connect, visitor)
    monkeypatch.setattr(engine, "_client", None)
    socket = await connect(visitor)
    await socket.ask({"type": "resume", "id": run_id})
    await socket.finish()
    assert socket.text() == "".join(PIECES)


@sync_to_async
def signed_in(user) -> str:
    from django.test import Client

    client = Client()
    client.force_login(user)
    session = client.session
    session["visitor"] = uuid.uuid4().hex
    session.save()
    return session.session_key


@sync_to_async
def orphan(session: str, run_id: uuid.UUID, **pane) -> None:
    from django.contrib.sessions.backends.db import SessionStore

    run = Run.objects.create(id=run_id, visitor=SessionStore(session)["visitor"], prompt="p")
    Pane.objects.create(run=run, index=0, name="base", **pane)
