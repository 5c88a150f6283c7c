"""The WebSocket through the whole ASGI application: starting, watching and stopping runs."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from asgiref.sync import sync_to_async

from playground import services
from playground.models import Pane, Run
from playground.supervisor import supervisor
from tests.playground.browser_socket import is_end
from tests.playground.scripted_client import Script

SENTENCE = {"sentence": "a warm, funny, engaging film ."}
PAIR = [{"adapter": None}, {"adapter": "glue_sst2"}]


async def stored(run_id: str) -> list[Pane]:
    """The panes as the database has them once every run has ended."""
    await supervisor.idle()
    return await sync_to_async(lambda: list(Pane.objects.filter(run_id=run_id)))()


async def test_a_comparison_streams_both_panes_to_their_ends(scripted, connect):
    scripted.script(None, Script(["I", " liked", " it"]))
    scripted.script("glue_sst2", Script(["1"]))
    socket = await connect()
    run_id = uuid.uuid4().hex

    started = await socket.start(run_id, task="glue_sst2", variables=SENTENCE, panes=PAIR)
    await socket.finish(panes=2)

    assert started["type"] == "started"
    assert started["id"] == run_id
    assert "a warm, funny, engaging film ." in started["prompt"]
    assert started["prompt_tokens"] == len(started["prompt"].split())
    assert [pane["adapter"] for pane in started["panes"]] == [None, "glue_sst2"]
    assert started["panes"][0]["name"] == "Mini-Mistral 5M (base)"
    assert started["gold"] == "1"
    assert started["variables"] == SENTENCE
    assert (socket.text(0), socket.text(1)) == ("I liked it", "1")
    for pane in (0, 1):
        kinds = [event["kind"] for event in socket.events(pane)]
        assert kinds[:2] == ["queued", "prefill"]
        assert kinds[-1] == "done"
        seqs = [event["seq"] for event in socket.events(pane)]
        assert seqs == sorted(set(seqs))


async def test_the_end_tells_usage_speed_and_why_it_ended(scripted, connect):
    scripted.script(None, Script(["a", "b", "c"], seconds_to_first=0.02, seconds_per_token=0.01))
    socket = await connect()
    await socket.start(prompt="two words")
    done = await socket.until(is_end)
    assert done["finish_reason"] == "stop"
    assert done["usage"] == {"prompt_tokens": 2, "completion_tokens": 3}
    assert done["timings"] == {"queue_ms": 0.0, "first_token_ms": 20.0, "total_ms": 40.0}
    assert done["tokens_per_second"] == pytest.approx(100.0)


async def test_token_counts_of_the_frames_add_up(scripted, connect):
    scripted.script(None, Script([f" {n}" for n in range(50)]))
    socket = await connect()
    await socket.start()
    await socket.finish()
    counts = [event["count"] for event in socket.events() if event["kind"] == "tokens"]
    assert sum(counts) == 50
    assert len(counts) < 50  # tokens that come together travel together
    assert counts[0] == 1  # but nothing waits for company at the start


async def test_sampling_is_resolved_and_the_seed_is_told(scripted, connect):
    socket = await connect()
    first = await socket.start(sampling={"temperature": 0.7, "stop": ["\n"], "max_tokens": 5})
    assert first["sampling"]["temperature"] == 0.7
    assert first["sampling"]["stop"] == ["\n"]
    seed = first["sampling"]["seed"]
    assert isinstance(seed, int)
    request = scripted.runs[scripted.pane(first["id"])].request
    assert (request.sampling.seed, request.sampling.max_tokens) == (seed, 5)
    await socket.finish()
    again = await socket.start(sampling={"seed": seed})
    assert again["sampling"]["seed"] == seed
    assert again["sampling"]["temperature"] == 0  # greedy unless asked otherwise


async def test_both_panes_get_the_same_prompt_and_seed(scripted, connect):
    socket = await connect()
    started = await socket.start(panes=PAIR, sampling={"temperature": 1})
    requests = [scripted.runs[scripted.pane(started["id"], pane)].request for pane in (0, 1)]
    assert requests[0].sampling == requests[1].sampling
    assert requests[0].prompt == requests[1].prompt == "Once upon a time"
    assert [request.adapter for request in requests] == [None, "glue_sst2"]


async def test_the_answer_and_its_figures_are_kept(scripted, connect):
    scripted.script(None, Script(["kept", " text"]))
    socket = await connect()
    started = await socket.start()
    await socket.finish()
    (pane,) = await stored(started["id"])
    assert (pane.status, pane.text, pane.finish_reason) == ("done", "kept text", "stop")
    assert pane.usage == {"prompt_tokens": 4, "completion_tokens": 2}
    assert pane.marks == [[3, 4, 1], [4, 9, 2]]
    assert pane.last_seq == 5


async def test_a_run_goes_on_and_is_kept_when_its_socket_closes(scripted, connect):
    scripted.script(None, Script(["one", " two"], held=True))
    socket = await connect()
    started = await socket.start()
    await socket.close()
    scripted.release(scripted.pane(started["id"]), 3)
    (pane,) = await stored(started["id"])
    assert (pane.status, pane.text) == ("done", "one two")


async def test_stopping_one_pane_leaves_the_other_alone(scripted, connect):
    scripted.script(None, Script(["base"] * 3, held=True))
    scripted.script("glue_sst2", Script(["lora"] * 3, held=True))
    socket = await connect()
    run_id = (await socket.start(panes=PAIR))["id"]
    scripted.release(scripted.pane(run_id, 1))
    await socket.until(lambda frame: frame.get("kind") == "tokens")

    await socket.send({"type": "stop", "id": run_id, "pane": 1})
    ended = await socket.until(is_end)
    assert (ended["pane"], ended["finish_reason"]) == (1, "cancelled")

    scripted.release(scripted.pane(run_id), 4)
    ended = await socket.until(is_end)
    assert (ended["pane"], ended["finish_reason"]) == (0, "stop")
    assert (socket.text(0), socket.text(1)) == ("basebasebase", "lora")
    panes = await stored(run_id)
    assert [pane.finish_reason for pane in panes] == ["stop", "cancelled"]
    assert panes[1].text == "lora"  # the partial answer is kept


async def test_stopping_without_a_pane_stops_all(scripted, connect):
    scripted.script(None, Script(held=True))
    scripted.script("glue_sst2", Script(held=True))
    socket = await connect()
    run_id = (await socket.start(panes=PAIR))["id"]
    await socket.send({"type": "stop", "id": run_id})
    await socket.finish(panes=2)
    assert [pane.finish_reason for pane in await stored(run_id)] == ["cancelled", "cancelled"]


async def test_stopping_what_has_ended_changes_nothing(scripted, connect):
    socket = await connect()
    run_id = (await socket.start())["id"]
    await socket.finish()
    await socket.send({"type": "stop", "id": run_id})
    assert (await socket.ask({"type": "ping"}))["type"] == "pong"
    assert (await stored(run_id))[0].finish_reason == "stop"


async def test_one_panes_failure_is_its_own(scripted, connect):
    scripted.script(None, Script(["fine"]))
    scripted.script("glue_sst2", Script(["par"], fail=("adapter_invalid", "The adapter file is damaged.")))
    socket = await connect()
    run_id = (await socket.start(panes=PAIR))["id"]
    await socket.finish(panes=2)
    failure = socket.events(1)[-1]
    assert (failure["kind"], failure["code"]) == ("error", "adapter_invalid")
    assert failure["message"] == "The adapter file is damaged."
    assert socket.events(0)[-1]["kind"] == "done"
    base, adapter = await stored(run_id)
    assert (base.status, adapter.status) == ("done", "failed")
    assert (adapter.text, adapter.error_message) == ("par", "The adapter file is damaged.")


async def test_a_failure_does_not_tell_where_the_world_lies(scripted, connect, catalogue):
    path = catalogue.adapters["viggo"].path
    scripted.script("viggo", Script([], fail=("adapter_invalid", f"The adapter at {path} has changed.")))
    socket = await connect()
    await socket.start(panes=[{"adapter": "viggo"}])
    await socket.finish()
    assert socket.events()[-1]["message"] == "The adapter at adapters/viggo has changed."


async def test_loading_an_adapter_is_told(scripted, connect):
    scripted.script("viggo", Script(["x"], loading=True))
    socket = await connect()
    await socket.start(panes=[{"adapter": "viggo"}])
    loading = await socket.until(lambda frame: frame.get("kind") == "loading")
    assert loading["tier"] == "disk"


async def test_starting_the_same_id_again_shows_the_same_run(scripted, connect):
    scripted.script(None, Script(["once"]))
    socket = await connect()
    first = await socket.start()
    await socket.finish()
    again = await socket.start(first["id"], prompt="another prompt")
    await socket.finish()
    assert again["prompt"] == first["prompt"]
    assert socket.text() == "onceonce"  # sent twice, made once
    assert await sync_to_async(Run.objects.count)() == 1
    assert len(scripted.runs) == 1


async def test_two_pages_that_start_the_same_id_at_once_share_the_run(scripted, connect, visitor):
    scripted.script(None, Script(["once"]))
    sockets = [await connect(visitor) for _ in range(3)]
    run_id = uuid.uuid4().hex
    started = await asyncio.gather(*(socket.start(run_id) for socket in sockets))
    assert [frame["type"] for frame in started] == ["started"] * 3
    for socket in sockets:
        await socket.finish()
        assert socket.text() == "once"
    assert await sync_to_async(Run.objects.count)() == 1
    assert len(scripted.runs) == 1


async def test_of_two_visitors_that_start_the_same_id_at_once_one_is_refused(scripted, connect):
    mine, theirs = await connect(), await connect()
    run_id = uuid.uuid4().hex
    answers = await asyncio.gather(mine.start(run_id), theirs.start(run_id))
    assert sorted(frame.get("code", "") for frame in answers) == ["", "duplicate_run"]
    assert await sync_to_async(Run.objects.count)() == 1


async def test_the_second_start_of_an_id_gets_its_own_try_when_the_first_is_refused(
    scripted, connect, visitor
):
    one, two = await connect(visitor), await connect(visitor)
    run_id = uuid.uuid4().hex
    refused, started = await asyncio.gather(one.start(run_id, prompt=" "), two.start(run_id))
    assert (refused["type"], started["type"]) == ("error", "started")


async def test_a_run_that_another_process_has_just_started_is_shown(scripted, connect, monkeypatch, visitor):
    """Its row appears between the look for it and the insertion of our own."""
    scripted.script(None, Script(["once"]))
    socket = await connect(visitor)
    first = await socket.start()
    await socket.finish()
    await supervisor.idle()
    look, looks = services.selectors.any_run, []

    async def blind_at_first(run_id):
        looks.append(run_id)
        return None if len(looks) == 1 else await look(run_id)

    monkeypatch.setattr(services.selectors, "any_run", blind_at_first)
    again = await socket.start(first["id"])
    assert (again["type"], again["prompt"]) == ("started", first["prompt"])
    await socket.finish()
    assert len(scripted.runs) == 1


async def test_several_runs_share_one_socket(scripted, connect):
    scripted.script(None, Script(["x"], held=True))
    socket = await connect()
    ids = [(await socket.until_started())["id"] for _ in range(3)]
    for run_id in reversed(ids):
        scripted.release(scripted.pane(run_id), 2)
        ended = await socket.until(is_end)
        assert ended["id"] == run_id


async def test_a_ping_is_answered_while_a_run_streams(scripted, connect):
    scripted.script(None, Script(held=True))
    socket = await connect()
    await socket.start()
    await socket.send({"type": "ping"})
    assert await socket.until(lambda frame: frame["type"] == "pong")


async def test_ids_come_back_as_the_browser_spells_them(scripted, connect):
    socket = await connect()
    dashed = str(uuid.uuid4())
    started = await socket.start(dashed)
    await socket.finish()
    assert {frame["id"] for frame in socket.frames} == {dashed}
    assert started["id"] == dashed
