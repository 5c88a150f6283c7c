"""The playground's WebSocket. A socket is only a window on runs: closing it changes nothing.

Frames are read at once and queued; one worker carries the commands out in the order they came, one sender
task per pane tails the engine's log. The messages are described in `playground.protocol`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from typing import Any
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer

from inference.request import RequestError
from playground import protocol, selectors, services, stream
from playground.engine import engine
from playground.models import Pane, Run
from playground.protocol import BadMessage, Command, Ping, Resume, Start, Stop
from playground.supervisor import supervisor
from playground.visitor import Visitor, visitor_of

logger = logging.getLogger(__name__)
MAX_QUEUED_COMMANDS = 32
MAX_RUNS_PER_SOCKET = 16
UNEXPECTED = "Something went wrong on the server. It has been logged; try again."


class PlaygroundConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.commands: asyncio.Queue[Command] = asyncio.Queue(MAX_QUEUED_COMMANDS)
        self.senders: dict[UUID, set[asyncio.Task]] = {}
        await self.accept()
        self.worker = asyncio.create_task(self.work(), name="socket commands")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data is None:
            await self.refuse(None, "bad_message", "Send JSON as text frames, not binary ones.")
            return
        try:
            command = protocol.parse(text_data)
        except BadMessage as error:
            await self.refuse(error.run_id, "bad_message", error.message)
            return
        if isinstance(command, Ping):
            await self.send_json({"type": "pong"})
            return
        try:
            self.commands.put_nowait(command)
        except asyncio.QueueFull:
            await self.refuse(command.id, "too_many_messages", "Too many commands at once; send them slower.")

    async def disconnect(self, code: int) -> None:
        tasks = [task for senders in self.senders.values() for task in senders]
        if hasattr(self, "worker"):
            tasks.append(self.worker)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def work(self) -> None:
        while True:
            command = await self.commands.get()
            try:
                await self.carry_out(command)
            except RequestError as error:
                await self.refuse(command.id, error.code, error.message)
            except Exception:
                logger.exception("The command %s of run %s failed", command.type, command.id)
                await self.refuse(command.id, "internal", UNEXPECTED)

    async def carry_out(self, command: Command) -> None:
        visitor = await visitor_of(self.scope)
        if visitor is None:
            raise RequestError("no_session", "This page's session has ended. Reload the page.")
        match command:
            case Start():
                if len(self.senders) >= MAX_RUNS_PER_SOCKET:
                    raise RequestError("too_many_runs", "Too many runs are open on this page; close some.")
                run = await services.start_run(await engine.awaited_client(), supervisor, visitor, command)
                await self.follow(run, command.id, {})
            case Resume():
                await supervisor.settled(command.run_id)
                run = await self.own_run(visitor, command.run_id)
                cursors = {pane.index: command.cursor(pane.index) for pane in run.panes.all()}
                await self.follow(run, command.id, cursors)
            case Stop():
                await supervisor.settled(command.run_id)
                run = await self.own_run(visitor, command.run_id)
                await services.stop_run(engine.client, run, command.pane)

    @staticmethod
    async def own_run(visitor: Visitor, run_id: UUID) -> Run:
        run = await selectors.own_run(visitor, run_id)
        if run is None:
            raise RequestError("unknown_run", "There is no such run, or it is not yours.")
        return run

    async def follow(self, run: Run, name: str, cursors: dict[int, int]) -> None:
        """Says what the run is, then sends each pane's events after its cursor. `name` is the run's id as the
        client spells it."""
        before = self.senders.pop(run.id, set())
        for task in before:
            task.cancel()
        await asyncio.gather(*before, return_exceptions=True)
        panes = list(run.panes.all())
        await self.send_json(
            {
                "type": "started",
                "id": name,
                "prompt": run.prompt,
                "variables": run.variables,
                "prompt_tokens": run.prompt_tokens,
                "sampling": run.sampling,
                "panes": [
                    {"pane": pane.index, "adapter": pane.live_adapter, "name": pane.name} for pane in panes
                ],
                "gold": run.gold,
            }
        )
        tasks = {
            asyncio.create_task(
                self.send_pane(pane, name, cursors.get(pane.index, 0)), name=f"send {pane.request_id}"
            )
            for pane in panes
        }
        self.senders[run.id] = tasks
        for task in tasks:
            task.add_done_callback(lambda done: self.forget(run.id, done))

    def forget(self, run_id: UUID, task: asyncio.Task) -> None:
        senders = self.senders.get(run_id)
        if senders is not None and task in senders:
            senders.discard(task)
            if not senders:
                del self.senders[run_id]

    async def send_pane(self, pane: Pane, name: str, after: int) -> None:
        head = {"type": "event", "id": name, "pane": pane.index}
        try:
            try:
                async with aclosing(stream.frames(engine.client.events(pane.request_id, after))) as frames:
                    async for frame in frames:
                        await self.send_json({**head, **frame})
                        after = frame["seq"]
                return
            except RequestError as error:
                if error.code not in ("unknown_run", "unavailable"):
                    raise
            # The engine's log is gone: it has expired, or belonged to an engine that is gone too.
            kept = await selectors.fresh_pane(pane)
            if kept is None:
                raise RequestError("unknown_run", "This run has been deleted.")
            for frame in stream.recorded(kept, after):
                await self.send_json({**head, **frame})
        except RequestError as error:
            await self.refuse(name, error.code, error.message)
        except Exception:
            logger.exception("Sending %s failed", pane.request_id)
            await self.refuse(name, "internal", UNEXPECTED)

    async def refuse(self, run_id: str | None, code: str, message: str) -> None:
        await self.send_json(protocol.error_frame(run_id, code, message))

    async def send_json(self, content: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(content, ensure_ascii=False, separators=(",", ":")))
