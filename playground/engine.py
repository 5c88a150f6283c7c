"""The one engine of this process, reached through its `InferenceClient`.

The engine is built and loaded in the background, so that pages answer at once; until it is ready, whoever
asks for the client gets a `RequestError("unavailable")` that says how far it is, or waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from typing import TYPE_CHECKING

from django.conf import settings

from inference.request import RequestError
from playground.selectors import own_adapters
from playground.world import World, current_world

if TYPE_CHECKING:
    from inference.client import InferenceClient

logger = logging.getLogger(__name__)
PATIENCE_SECONDS = 60.0


class State(Enum):
    STOPPED = "The engine is not running."
    STARTING = "The engine is still loading its model; try again in a few seconds."
    READY = "The engine is ready."
    FAILED = "The engine could not start."


class EngineHost:
    """Starts, holds and closes the process's engine client."""

    def __init__(self) -> None:
        self.state = State.STOPPED
        self.problem = ""
        self._client: InferenceClient | None = None
        self._starting: asyncio.Task | None = None

    @property
    def ready(self) -> bool:
        return self.state is State.READY

    @property
    def sentence(self) -> str:
        return f"{self.state.value} {self.problem}".strip()

    @property
    def client(self) -> InferenceClient:
        """The running engine's client. Raises `RequestError("unavailable")` before it is ready."""
        if self._client is None or not self.ready:
            raise RequestError("unavailable", self.sentence)
        return self._client

    async def awaited_client(self) -> InferenceClient:
        """The client; while the engine is still loading, waits for it up to `PATIENCE_SECONDS`. Raises
        `RequestError("unavailable")` when it is not ready even then."""
        await self.settled(PATIENCE_SECONDS)
        return self.client

    async def settled(self, seconds: float | None = None) -> None:
        """Waits, up to `seconds`, while the engine is still loading: afterwards it is ready or has failed."""
        if self.state is State.STARTING and self._starting is not None:
            await asyncio.wait({self._starting}, timeout=seconds)

    def use(self, client: InferenceClient) -> None:
        """Takes a client that is already running."""
        self._client = client
        self.state = State.READY
        self.problem = ""

    def start_in_background(self) -> None:
        """Begins to load the engine; returns at once. Does nothing when one is running or starting."""
        if self.state in (State.STOPPED, State.FAILED):
            self.state = State.STARTING
            self.problem = ""
            self._starting = asyncio.create_task(self._start(current_world()), name="engine start")

    async def _start(self, world: World) -> None:
        client = None
        try:
            if world.problem:
                raise RuntimeError(world.problem)
            client = await asyncio.to_thread(build_client, world)
            await client.start()
            await self._load_adapters(client, world)
        except asyncio.CancelledError:
            if client is not None:
                await client.close()
            raise
        except Exception as error:
            expected = isinstance(error, (RuntimeError, RequestError))
            self.state = State.FAILED
            logger.error("%s %s", self.state.value, error, exc_info=None if expected else error)
            self.problem = world.public(str(error)) if expected else unexpected(error)
            if client is not None:
                await client.close()
            return
        self.use(client)
        logger.info("%s", self.sentence)

    @staticmethod
    async def _load_adapters(client: InferenceClient, world: World) -> None:
        """Loads every adapter whose files are here, users' own included; one that is refused leaves the
        others alone."""
        world.refused.clear()
        paths = {slug: world.adapters[slug].path for slug in world.live_adapters}
        for slug, path in (paths | await own_adapters()).items():
            try:
                await client.load_adapter(slug, path)
            except RequestError as error:
                logger.warning("Adapter %s was refused: %s", slug, error.message)
                world.refused[slug] = world.public(error.message)
            except Exception as error:
                logger.exception("Adapter %s could not be loaded", slug)
                world.refused[slug] = f"Its weights could not be loaded. {unexpected(error)}"

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        client, self._client = self._client, None
        self.state = State.STOPPED
        self.problem = ""
        if client is not None:
            await client.close()


def unexpected(error: Exception) -> str:
    """What visitors read of an error that is not written for them; it may name paths of this machine."""
    return f"The cause ({type(error).__name__}) is in the server's log."


def build_client(world: World) -> InferenceClient:
    """A client for the world's base, not started yet. Imports torch, which takes seconds."""
    from inference import EngineConfig, InProcessClient

    return InProcessClient(
        EngineConfig(
            model=world.base_path,
            device=settings.LORALAND_DEVICE,
            dtype=settings.LORALAND_DTYPE,
            max_model_len=settings.LORALAND_MAX_MODEL_LEN,
        )
    )


engine = EngineHost()
