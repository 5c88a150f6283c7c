"""What the WebSocket refuses: always one error frame with a code and a sentence, and the socket goes on."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest
from asgiref.sync import sync_to_async

from playground import protocol, services
from playground.engine import engine
from playground.models import Adapter, Run
from playground.supervisor import supervisor
from tests.playground.browser_socket import Refused, Socket
from tests.playground.scripted_client import Script, ScriptedClient

ID = "00000000-0000-4000-8000-000000000001"
START = {"type": "start", "id": ID, "prompt": "p", "panes": [{"adapter": None}]}


def without(message: dict, *names: str) -> dict:
    return {name: value for name, value in message.items() if name not in names}


FORM = {**without(START, "prompt"), "task": "glue_sst2"}
BAD = {
    "no JSON": "{",
    "a cut-off string": '{"type": "pi',
    "not a number": '{"type": "ping", "x": NaN}',
    "half a surrogate": '{"type": "start", "prompt": "\\ud800"}',
    "deep nesting": "[" * 30_000,
    "a list": [],
    "a string": '"ping"',
    "nothing": "",
    "no type": {},
    "a type that is no string": {"type": ["start"]},
    "an unknown type": {"type": "dance"},
    "no id": without(START, "id"),
    "an id that is no UUID": {**START, "id": "first"},
    "an id that is a number": {**START, "id": 7},
    "no panes": without(START, "panes"),
    "an empty list of panes": {**START, "panes": []},
    "too many panes": {**START, "panes": [{"adapter": None}] * (protocol.MAX_PANES + 1)},
    "a pane that is a string": {**START, "panes": ["base"]},
    "no prompt": without(START, "prompt"),
    "a prompt that is a number": {**START, "prompt": 1},
    "a prompt and variables": {**START, "task": "glue_sst2", "variables": {"sentence": "s"}},
    "variables without a task": {**without(START, "prompt"), "variables": {"sentence": "s"}},
    "a variable that is a number": {
        **without(START, "prompt"),
        "task": "glue_sst2",
        "variables": {"sentence": 1},
    },
    "a variable that is unknown": {
        **without(START, "prompt"),
        "task": "glue_sst2",
        "variables": {"word": "s"},
    },
    "a variable that is missing": {**without(START, "prompt"), "task": "glue_sst2", "variables": {}},
    "a temperature in words": {**START, "sampling": {"temperature": "hot"}},
    "an unknown sampling parameter": {**START, "sampling": {"heat": 1}},
    "an unknown field": {**START, "priority": 1},
    "a cursor that is negative": {"type": "resume", "id": ID, "cursors": {"0": -1}},
    "a cursor that is a word": {"type": "resume", "id": ID, "cursors": {"first": 1}},
    "a pane that is true": {"type": "stop", "id": ID, "pane": True},
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD.keys())
async def test_a_bad_message_is_answered_and_the_socket_goes_on(scripted, connect, message):
    socket = await connect()
    answer = await socket.ask(json.dumps(message) if isinstance(message, (list, dict)) else message)
    assert (answer["type"], answer["code"]) == ("error", "bad_message")
    assert answer["message"].endswith(".")
    assert " " in answer["message"]
    assert await socket.ask({"type": "ping"}) == {"type": "pong"}
    assert not scripted.runs
    assert not await Run.objects.aexists()


async def test_a_binary_frame_is_refused(scripted, connect):
    socket = await connect()
    answer = await socket.ask(b'{"type": "ping"}')
    assert answer["code"] == "bad_message"
    assert "text" in answer["message"]
    assert await socket.ask({"type": "ping"}) == {"type": "pong"}


async def test_an_error_names_the_run_it_is_about(scripted, connect):
    socket = await connect()
    answer = await socket.ask({"type": "start", "id": ID})
    assert answer["id"] == ID


@pytest.mark.parametrize("command", ["stop", "resume"])
async def test_a_command_before_start_knows_no_run(scripted, connect, command):
    socket = await connect()
    answer = await socket.ask({"type": command, "id": ID})
    assert (answer["id"], answer["code"]) == (ID, "unknown_run")


async def test_a_pane_that_the_run_does_not_have_cannot_be_stopped(scripted, connect):
    socket = await connect()
    run_id = (await socket.start())["id"]
    await socket.finish()
    answer = await socket.ask({"type": "stop", "id": run_id, "pane": 9})
    assert (answer["code"], answer["message"]) == ("invalid_parameter", "This run has no pane 9.")


@pytest.mark.parametrize("slug", ["no_such_adapter", "../base", "GLUE_SST2", "x'; --"])
async def test_an_unknown_adapter_is_refused(scripted, connect, slug):
    socket = await connect()
    answer = await socket.start(panes=[{"adapter": None}, {"adapter": slug}])
    assert answer["code"] == "unknown_adapter"
    assert slug in answer["message"]
    assert not scripted.runs  # all panes or none


async def test_an_adapter_without_weights_says_what_is_missing(scripted, connect):
    socket = await connect()
    answer = await socket.start(panes=[{"adapter": "glue_mnli"}])
    assert answer["code"] == "unknown_adapter"
    assert "not part of the miniature world" in answer["message"]


async def test_an_unpublished_adapter_is_unknown(scripted, connect):
    await Adapter.objects.filter(slug="viggo").aupdate(is_published=False)
    socket = await connect()
    assert (await socket.start(panes=[{"adapter": "viggo"}]))["code"] == "unknown_adapter"


async def test_a_prompt_longer_than_the_context_is_refused_by_the_engine(scripted, connect):
    socket = await connect()
    answer = await socket.start(prompt="word " * 300)
    assert answer["code"] == "prompt_too_long"
    assert "256" in answer["message"]
    assert not await Run.objects.aexists()


async def test_a_prompt_with_too_many_characters_never_reaches_the_engine(scripted, connect):
    socket = await connect()
    answer = await socket.start(prompt="x" * (protocol.MAX_PROMPT_CHARACTERS + 1))
    assert answer["code"] == "prompt_too_long"
    assert "40,000" in answer["message"]


@pytest.mark.parametrize("prompt", ["", "  \n"])
async def test_an_empty_prompt_is_refused(scripted, connect, prompt):
    socket = await connect()
    assert (await socket.start(prompt=prompt))["code"] == "empty_prompt"


async def test_an_empty_form_is_refused(scripted, connect):
    socket = await connect()
    answer = await socket.start(task="glue_sst2", variables={"sentence": " "})
    assert answer["code"] == "empty_prompt"


@pytest.mark.parametrize(
    "sampling",
    [{"temperature": -1}, {"max_tokens": 0}, {"top_p": 0}, {"seed": -1}, {"stop": [""]}, {"top_k": -1}],
    ids=str,
)
async def test_a_parameter_out_of_range_is_named(scripted, connect, sampling):
    socket = await connect()
    answer = await socket.start(sampling=sampling)
    assert answer["code"] == "invalid_parameter"
    assert next(iter(sampling)) in answer["message"]


async def test_a_full_engine_refuses_the_whole_run(scripted, connect):
    scripted.script("viggo", Script(refuse=("overloaded", "The engine is full. Try again soon.")))
    scripted.script(None, Script(held=True))
    socket = await connect()
    answer = await socket.start(panes=[{"adapter": None}, {"adapter": "viggo"}])
    assert (answer["type"], answer["code"]) == ("error", "overloaded")
    (pane,) = scripted.runs.values()
    assert pane.cancelled.is_set()
    assert not await Run.objects.aexists()


async def test_a_run_that_was_refused_may_be_started_again_under_its_id(scripted, connect):
    scripted.script("viggo", Script(refuse=("overloaded", "The engine is full. Try again soon.")))
    order = {"panes": [{"adapter": None}, {"adapter": "viggo"}], "sampling": {"seed": 1}}
    socket = await connect()
    run_id = uuid.uuid4().hex
    assert (await socket.start(run_id, **order))["code"] == "overloaded"
    scripted.script("viggo", Script(["fits", " now"]))
    assert (await socket.start(run_id, **order))["type"] == "started"
    await socket.finish(panes=2)
    assert (socket.text(0), socket.text(1)) == ("An answer.", "fits now")


async def test_an_engine_that_is_not_ready_says_so(connect, catalogue):
    socket = await connect()
    answer = await socket.start()
    assert answer["code"] == "unavailable"
    assert answer["message"] == engine.sentence


async def test_a_first_click_waits_for_the_engine_that_is_still_loading(
    catalogue, connect, monkeypatch, transactional_db
):
    client, loaded = ScriptedClient(), asyncio.Event()

    async def start() -> None:
        await loaded.wait()

    monkeypatch.setattr(client, "start", start)
    monkeypatch.setattr("playground.engine.build_client", lambda world: client)
    engine.start_in_background()
    try:
        socket = await connect()
        await socket.send({**START, "id": uuid.uuid4().hex})
        assert await socket.silent()
        loaded.set()
        assert (await socket.receive())["type"] == "started"
        await socket.finish()
        await supervisor.idle()
    finally:
        await engine.close()


async def test_a_visitor_has_a_limit_of_concurrent_runs(scripted, connect, visitor):
    scripted.script(None, Script(held=True))
    one, two = await connect(visitor), await connect(visitor)
    for number in range(services.MAX_RUNS_PER_VISITOR):
        started = await (one, two)[number % 2].until_started()
    answer = await two.until_error()
    assert answer["code"] == "too_many_runs"
    other = await connect()
    await other.until_started()  # a limit of one visitor is not another's

    await two.send({"type": "stop", "id": started["id"]})
    await two.finish()
    while await sync_to_async(running)(started["id"]):
        await supervisor.settled(uuid.UUID(started["id"]))
    await two.until_started()


def running(run_id: str) -> bool:
    return Run.objects.filter(pk=run_id, panes__status="running").exists()


async def test_a_visitor_without_a_session_is_asked_to_open_a_page(scripted):
    socket = Socket(session=None)
    await socket.open()
    answer = await socket.start()
    assert answer["code"] == "no_session"
    await socket.close()


async def test_a_made_up_session_is_none(scripted):
    socket = Socket(session="0123456789abcdef0123456789abcdef")
    await socket.open()
    assert (await socket.start())["code"] == "no_session"
    await socket.close()


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://testserver.evil.example",
        "https://testserver",
        "http://testserver:8001",
        "http://testserver@evil.example",
        "null",
        "",
        "http://[",
    ],
)
async def test_a_foreign_origin_is_refused_at_the_handshake(scripted, connect, origin):
    with pytest.raises(Refused):
        await connect(origin=origin)


async def test_the_host_header_alone_does_not_make_an_origin_ours(scripted, connect):
    with pytest.raises(Refused):
        await connect(host="evil.example", origin="http://evil.example")


async def test_a_trusted_origin_may_connect(scripted, connect, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://lora.example"]
    socket = await connect(origin="https://lora.example")
    assert await socket.ask({"type": "ping"}) == {"type": "pong"}


@pytest.mark.parametrize("trusted", [True, False])
async def test_behind_a_tls_proxy_the_origin_is_https_if_the_proxy_is_trusted(
    scripted, connect, settings, trusted
):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if trusted else None
    headers = {"origin": "https://testserver", "x-forwarded-proto": "https"}
    if not trusted:
        with pytest.raises(Refused):
            await connect(**headers)
    else:
        assert await (await connect(**headers)).ask({"type": "ping"}) == {"type": "pong"}


async def test_an_unknown_path_is_refused_at_the_handshake(scripted, visitor):
    with pytest.raises(Refused):
        await Socket(visitor, path="/ws/elsewhere/").open()
