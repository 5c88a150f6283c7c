"""Is the process alive (`/healthz`), and can it do its work (`/readyz`)?"""

from __future__ import annotations

from channels.db import database_sync_to_async
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from inference.request import RequestError
from playground.engine import engine


@never_cache
@require_safe
async def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
async def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database and the engine answer, else 503; a sentence for each."""
    checks = {"database": await _database(), "engine": await _engine()}
    ready = all(check["ok"] for check in checks.values())
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503)


@database_sync_to_async
def _database() -> dict:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM playground_adapter LIMIT 1")
    except DatabaseError as error:
        return {"ok": False, "message": f"The database does not answer ({error})."}
    return {"ok": True, "message": "The database answers."}


async def _engine() -> dict:
    try:
        stats = await engine.client.stats()
    except RequestError as error:
        return {"ok": False, "message": error.message}
    return {
        "ok": True,
        "message": f"The engine is ready: {stats.model} on {stats.device}, "
        f"{stats.adapters_loaded} adapters loaded, {stats.running} running, {stats.waiting} waiting.",
    }
