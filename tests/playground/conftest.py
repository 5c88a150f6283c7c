"""A catalogue, a world on disk and a scripted engine; visitors with sessions; sockets through the whole ASGI
application."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.test import override_settings

from playground.catalogue import load_catalogue
from playground.engine import EngineHost, engine
from playground.finetuning.runner import runner
from playground.supervisor import supervisor
from playground.world import World, current_world
from tests.playground import worlds
from tests.playground.browser_socket import Socket
from tests.playground.live_site import LiveServer
from tests.playground.scripted_client import ScriptedClient


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    """Hashing that is slow on purpose proves nothing here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def world(tmp_path: Path, settings) -> World:
    """The test world (four live adapters), served."""
    directory = tmp_path / "world"
    worlds.write_world(directory)
    settings.LORALAND_WORLD = directory
    return current_world()


@pytest.fixture
def catalogue(db, world: World) -> World:
    """The adapters of the site in the database."""
    load_catalogue(worlds.site_tasks(), world)
    return world


@pytest.fixture
async def scripted(transactional_db, catalogue: World) -> AsyncIterator[ScriptedClient]:
    """The site's engine, answering by script; every live adapter is loaded."""
    client = ScriptedClient()
    for slug in catalogue.live_adapters:
        client.register(slug)
    engine.use(client)
    yield client
    await client.close()
    await supervisor.idle()
    engine.__dict__.update(EngineHost().__dict__)


@pytest.fixture(scope="session")
def live_server_process(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[LiveServer]:
    """The real server, started once for the session, without a world of its own to load."""
    server = LiveServer()
    nothing = tmp_path_factory.mktemp("no world")
    with django_db_blocker.unblock(), override_settings(LORALAND_WORLD=nothing):
        server.start()
        server.call(engine.close)
        server.call(runner.close)
    yield server
    server.stop()


@pytest.fixture
async def connect(transactional_db) -> AsyncIterator[Callable[..., Awaitable[Socket]]]:
    """Opens sockets, each for the visitor given (a session key) or for a new one; closes them afterwards."""
    opened: list[Socket] = []

    async def open_socket(session: str | None = None, **headers: str) -> Socket:
        socket = Socket(session or await new_session(), headers)
        await socket.open()
        opened.append(socket)
        return socket

    yield open_socket
    for socket in opened:
        await socket.close()


@sync_to_async
def new_session() -> str:
    """The session of a visitor who has looked at a page."""
    session = SessionStore()
    session["visitor"] = uuid.uuid4().hex
    session.save()
    return session.session_key


@pytest.fixture
async def visitor(transactional_db) -> str:
    return await new_session()
