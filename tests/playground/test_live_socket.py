"""The WebSocket on the real server: what the protocol beneath JSON has to withstand."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from playground.models import Pane
from playground.protocol import MAX_FRAME_BYTES
from tests.playground.live_site import LiveSite
from tests.playground.scripted_client import Script, ScriptedClient


@pytest.fixture
def site(transactional_db, catalogue, live_server_process) -> Iterator[LiveSite]:
    client = ScriptedClient()
    client.register("glue_sst2")
    with LiveSite(live_server_process, client) as live:
        yield live


def dial(site: LiveSite, session: str, **options):
    address = site.address.replace("http", "ws") + "/ws/playground/"
    options.setdefault("origin", site.address)
    return connect(address, additional_headers={"Cookie": f"sessionid={session}"}, **options)


async def receive_until(socket, kind: str) -> list[dict]:
    frames = []
    while not frames or frames[-1].get("kind") != kind:
        frames.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
    return frames


def order(**fields) -> str:
    return json.dumps(
        {"type": "start", "id": uuid.uuid4().hex, "prompt": "p", "panes": [{"adapter": None}], **fields}
    )


async def test_a_run_streams(site, visitor):
    async with dial(site, visitor) as socket:
        await socket.send(order())
        frames = await receive_until(socket, "done")
    assert frames[0]["type"] == "started"
    assert "".join(frame.get("text", "") for frame in frames) == "An answer."


async def test_messages_are_not_compressed(site, visitor):
    async with dial(site, visitor, compression="deflate") as socket:
        assert socket.protocol.extensions == []


async def test_a_foreign_origin_is_refused_with_403(site, visitor):
    with pytest.raises(InvalidStatus) as caught:
        async with dial(site, visitor, origin="http://evil.example"):
            pass
    assert caught.value.response.status_code == 403


async def test_a_frame_over_the_limit_closes_the_socket_and_nothing_else(site, visitor):
    site.client.script(None, Script(["a", "b"], held=True))
    async with dial(site, visitor) as socket:
        await socket.send(order())
        await receive_until(socket, "prefill")
        await socket.send("x" * (MAX_FRAME_BYTES + 1))
        await asyncio.wait_for(socket.wait_closed(), 10)
    assert socket.close_code == 1009
    (run_id,) = site.client.runs
    await asyncio.to_thread(site.call, site.client.release, run_id, 3)
    await asyncio.to_thread(site.call, site.client.ended, run_id)
    assert site.client.runs[run_id].log[-1].finish_reason == "stop"


async def test_a_large_frame_within_the_limit_is_read(site, visitor):
    async with dial(site, visitor) as socket:
        await socket.send(order(prompt="x" * 39_000))
        assert (await receive_until(socket, "done"))[0]["prompt"] == "x" * 39_000


async def test_a_line_that_breaks_without_goodbye_leaves_the_run_alone(site, visitor):
    site.client.script(None, Script(["a", "b"], held=True))
    socket = await dial(site, visitor)
    await socket.send(order())
    await receive_until(socket, "prefill")
    socket.transport.abort()
    (run_id,) = site.client.runs
    await asyncio.to_thread(site.call, site.client.release, run_id, 3)
    await asyncio.to_thread(site.call, site.client.ended, run_id)
    while (pane := await sync_to_async(Pane.objects.get)()).status == "running":
        await asyncio.sleep(0.01)
    assert (pane.status, pane.text) == ("done", "ab")


async def test_many_visitors_at_once_each_get_their_own(site, transactional_db):
    from tests.playground.conftest import new_session

    site.client.script(None, Script(echo=True, seconds_per_token=0.001))

    async def visit(number: int) -> str:
        async with dial(site, await new_session()) as socket:
            await socket.send(order(prompt=f"visitor {number} " * 5))
            return "".join(frame.get("text", "") for frame in await receive_until(socket, "done"))

    texts = await asyncio.gather(*(visit(number) for number in range(40)))
    assert texts == [f" visitor {number}" * 5 for number in range(40)]
