"""Start and stop of the server process: clears up after the last one, then loads the engine beside it."""

from __future__ import annotations

import logging

from channels.db import database_sync_to_async
from django.db import DatabaseError

from playground import services
from playground.engine import engine
from playground.finetuning.runner import runner
from playground.supervisor import supervisor

logger = logging.getLogger(__name__)


@database_sync_to_async
def clear_up() -> int:
    """Puts the database in order before the first visitor; returns how many answers were left unfinished."""
    services.forget_old_runs()
    return services.interrupt_orphans()


class Lifespan:
    """The ASGI lifespan protocol."""

    async def __call__(self, scope, receive, send):
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    orphans = await clear_up()
                except DatabaseError as error:
                    sentence = f"The database is not ready ({error}). Run: python manage.py migrate"
                    await send({"type": "lifespan.startup.failed", "message": sentence})
                    return
                if orphans:
                    logger.warning("%d answers of the last process are unfinished and marked so", orphans)
                engine.start_in_background()
                runner.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await runner.close()
                await supervisor.close()
                await engine.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
