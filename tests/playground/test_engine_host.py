"""The process's one engine: started in the background, honest about its state, replaceable."""

from __future__ import annotations

import asyncio

import pytest

from inference.request import AdapterInfo, RequestError
from playground import engine as engine_module
from playground.engine import EngineHost, State
from tests.playground.scripted_client import ScriptedClient

pytestmark = pytest.mark.django_db  # the adapters of users are found there


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


async def test_an_adapter_that_fails_unexpectedly_leaves_the_others_alone(built, world, caplog):
    class Surprised(ScriptedClient):
        async def load_adapter(self, name, path) -> AdapterInfo:
            if name == "viggo":
                raise OSError(f"{path} is on fire")
            return await super().load_adapter(name, path)

    built.append(Surprised())
    host = await started(EngineHost())
    assert host.ready
    missing = world.availability("viggo").missing
    assert missing == "Its weights could not be loaded. The cause (OSError) is in the server's log."
    assert world.live_adapters == ["glue_sst2", "conllpp", "gsm8k"]
    assert f"{world.adapters['viggo'].path} is on fire" in caplog.text
    await host.close()


async def test_paths_of_the_server_are_for_the_log_alone(built, world, caplog):
    class Lost(ScriptedClient):
        async def start(self) -> None:
            raise RuntimeError(f"There is no model at {world.base_path}: config.json is missing.")

    built.append(Lost())
    host = await started(EngineHost())
    assert host.problem == "There is no model at base: config.json is missing."
    assert str(world.base_path) in caplog.text


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


class Gated(ScriptedClient):
    """Starts when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def start(self) -> None:
        await self.gate.wait()
        await super().start()


async def test_its_client_can_be_waited_for_while_it_starts(built):
    client = Gated()
    built.append(client)
    host = EngineHost()
    host.start_in_background()
    waiting = asyncio.create_task(host.awaited_client())
    await asyncio.sleep(0)
    assert not waiting.done()
    client.gate.set()
    assert await waiting is client
    await host.close()
    with pytest.raises(RequestError, match="not running"):
        await host.awaited_client()


async def test_nobody_waits_for_ever(built, monkeypatch):
    monkeypatch.setattr(engine_module, "PATIENCE_SECONDS", 0.01)
    built.append(Gated())
    host = EngineHost()
    host.start_in_background()
    with pytest.raises(RequestError, match="still loading"):
        await host.awaited_client()
    await host.close()


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
