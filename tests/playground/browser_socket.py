"""A browser's end of the playground's WebSocket, through the whole ASGI application."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.conf import settings

from loraland_site.asgi import application

HOST = "testserver"
PATIENCE_SECONDS = 10
Frame = dict[str, Any]


class Refused(Exception):
    """The handshake was refused."""


class Socket:
    def __init__(
        self, session: str | None, headers: dict[str, str] | None = None, path: str = "/ws/playground/"
    ):
        sent = {"host": HOST, "origin": f"http://{HOST}", **(headers or {})}
        if session:
            sent["cookie"] = f"{settings.SESSION_COOKIE_NAME}={session}"
        encoded = [(name.encode(), value.encode()) for name, value in sent.items() if value]
        self.application = ApplicationCommunicator(
            application,
            {"type": "websocket", "path": path, "query_string": b"", "headers": encoded, "subprotocols": []},
        )
        self.session = session
        self.frames: list[Frame] = []
        self.connected = False

    async def open(self) -> None:
        await self.application.send_input({"type": "websocket.connect"})
        answer = await self.application.receive_output(PATIENCE_SECONDS)
        if answer["type"] != "websocket.accept":
            raise Refused
        self.connected = True

    async def close(self) -> None:
        """Goes away; returns when the server has let go of the socket."""
        if self.connected:
            self.connected = False
            await self.application.send_input({"type": "websocket.disconnect", "code": 1001})
            await self.application.wait(PATIENCE_SECONDS)

    async def send(self, message: Frame | str | bytes) -> None:
        if not isinstance(message, (str, bytes)):
            message = json.dumps(message)
        key = "bytes" if isinstance(message, bytes) else "text"
        await self.application.send_input({"type": "websocket.receive", key: message})

    async def receive(self) -> Frame:
        message = await self.application.receive_output(PATIENCE_SECONDS)
        assert message["type"] == "websocket.send", message
        frame = json.loads(message["text"])
        self.frames.append(frame)
        return frame

    async def silent(self) -> bool:
        return await self.application.receive_nothing(timeout=0.1)

    async def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        """Receives frames up to the first that is wanted."""
        while not wanted(frame := await self.receive()):
            pass
        return frame

    async def ask(self, message: Frame | str | bytes) -> Frame:
        """Sends and gives the next frame."""
        await self.send(message)
        return await self.receive()

    # Runs

    async def start(self, run_id: str | None = None, **order: Any) -> Frame:
        """Starts a run (free prompt to the base, unless the order says otherwise); gives the next frame."""
        message = {"type": "start", "id": run_id or uuid.uuid4().hex, "panes": [{"adapter": None}], **order}
        if "variables" not in message:
            message.setdefault("prompt", "Once upon a time")
        return await self.ask(message)

    async def until_started(self, **order: Any) -> Frame:
        """Starts a run and receives until its `started`, past what other runs send meanwhile."""
        run_id = uuid.uuid4().hex
        order.setdefault("prompt", "Once upon a time")
        await self.send({"type": "start", "id": run_id, "panes": [{"adapter": None}], **order})
        return await self.until(lambda frame: frame["type"] == "started" and frame["id"] == run_id)

    async def until_error(self, **order: Any) -> Frame:
        """Tries to start a run and receives until it is refused."""
        order.setdefault("prompt", "Once upon a time")
        await self.send({"type": "start", "id": uuid.uuid4().hex, "panes": [{"adapter": None}], **order})
        return await self.until(lambda frame: frame["type"] == "error")

    async def finish(self, panes: int = 1) -> None:
        """Receives until that many panes have ended."""
        for _ in range(panes):
            await self.until(is_end)

    def events(self, pane: int = 0) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == "event" and frame["pane"] == pane]

    def text(self, pane: int = 0) -> str:
        return "".join(frame["text"] for frame in self.events(pane) if frame["kind"] == "tokens")


def is_end(frame: Frame) -> bool:
    return frame["type"] == "event" and frame["kind"] in ("done", "error")
