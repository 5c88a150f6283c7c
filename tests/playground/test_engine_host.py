"""The process's one engine: started in the background, honest about its state, replaceable."""

from __future__ import annotations

import asyncio

import pytest

from inference.request import AdapterInfo, RequestError
from playground import engine as engine_module
from playground.engine import EngineHost, State
from tests.playground.scripted_client import ScriptedClient


@pytest.fixture
def built(world, monkeypatch):
    """The clients that `build_client` will give, in order."""
    clients: list = []
    monkeypatch.setattr(engine_module, "build_client", lambda world: clients.pop(0))
    return clients


async def started(host: EngineHost) -> EngineHost:
    host.start_in_background()
    await host._starting
    return host


async def test_it_loads_every_adapter_that_is_here(built, world):
    client = ScriptedClient()
    built.append(client)
    host = EngineHost()
    assert host.state is State.STOPPED
    host.start_in_background()
    with pytest.raises(RequestError, match="still loading") as caught:
        _ = host.client
    assert caught.value.code == "unavailable"
    await host._starting
    assert host.client is client
    assert set(client.registered) == set(world.live_adapters)
    await host.close()
    assert not client.running
    with pytest.raises(RequestError, match="not running"):
        _ = host.client


async def test_a_damaged_adapter_leaves_the_others_alone(built, world):
    class Choosy(ScriptedClient):
        async def load_adapter(self, name, path) -> AdapterInfo:
            if name == "viggo":
                raise RequestError("adapter_invalid", "Its tensor q_proj has the wrong shape.")
            return await super().load_adapter(name, path)

    built.append(Choosy())
    host = await started(EngineHost())
    assert host.ready
    assert world.availability("viggo").missing == "Its tensor q_proj has the wrong shape."
    assert world.live_adapters == ["glue_sst2", "conllpp", "gsm8k"]
    await host.close()


async def test_a_missing_checkpoint_is_a_sentence_and_another_try_may_succeed(built):
    class Unfinished(ScriptedClient):
        async def start(self) -> None:
            raise RuntimeError("There is no checkpoint in demo/base.")

    built += [Unfinished(), ScriptedClient()]
    host = await started(EngineHost())
    assert host.state is State.FAILED
    assert host.sentence == "The engine could not start. There is no checkpoint in demo/base."
    with pytest.raises(RequestError, match="no checkpoint"):
        _ = host.client
    await started(host)
    assert host.ready
    await host.close()


async def test_a_missing_world_is_a_sentence(settings, tmp_path):
    settings.LORALAND_WORLD = tmp_path
    host = await started(EngineHost())
    assert "world.json" in host.sentence


async def test_closing_while_it_starts_leaves_nothing_behind(built):
    class Slow(ScriptedClient):
        async def start(self) -> None:
            self.running = True
            await asyncio.Event().wait()

    client = Slow()
    built.append(client)
    host = EngineHost()
    host.start_in_background()
    while not client.running:
        await asyncio.sleep(0)
    await host.close()
    assert host.state is State.STOPPED
    assert not client.running
