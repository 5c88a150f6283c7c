"""The real server on a free port, in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

from playground.engine import EngineHost, engine
from playground.server import build_server
from tests.playground.scripted_client import ScriptedClient

PATIENCE_SECONDS = 20


class LiveServer:
    """Starts once; which engine answers is chosen test by test (`playing`)."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.started = threading.Event()
        self.server = build_server("127.0.0.1", 0, self.started.set)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread = threading.Thread(target=self._run, name="live server")

    def _run(self) -> None:
        async def serve() -> None:
            self.loop = asyncio.get_running_loop()
            await self.server._serve(sockets=[self.listener])

        asyncio.run(serve())

    def start(self) -> None:
        self.thread.start()
        assert self.started.wait(PATIENCE_SECONDS), "the server did not start"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive(), "the server did not stop"

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Calls `function` in the server's loop, where its engine lives, and gives the result."""

        async def inside() -> Any:
            result = function(*args)
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(inside(), self.loop).result(PATIENCE_SECONDS)


class LiveSite:
    """The server with a scripted engine behind it."""

    def __init__(self, server: LiveServer, client: ScriptedClient):
        self.server = server
        self.client = client
        self.address = server.address
        self.call = server.call

    def __enter__(self) -> LiveSite:
        self.call(engine.close)
        self.call(engine.use, self.client)
        return self

    def __exit__(self, *error: Any) -> None:
        self.call(engine.close)
        engine.__dict__.update(EngineHost().__dict__)
