"""Server-sent events as OpenAI's clients read them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

from django.http import StreamingHttpResponse

from inference.request import RequestError
from playground.api.errors import UNEXPECTED, ApiError
from playground.api.generation import Runs

logger = logging.getLogger(__name__)


def data(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


async def _lines(chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    """An error in mid-stream can no longer change the status; it becomes the last event, without [DONE]."""
    try:
        async for chunk in chunks:
            yield data(chunk)
    except RequestError as error:
        yield data(ApiError.of(error).body)
        return
    except Exception:
        logger.exception("A stream failed")
        yield data(ApiError(UNEXPECTED, status=500, type="server_error", code="internal").body)
        return
    finally:
        await chunks.aclose()
    yield b"data: [DONE]\n\n"


def stream(runs: Runs, chunks: AsyncIterator[dict[str, Any]]) -> StreamingHttpResponse:
    """A response that sends each chunk of `runs` as it is made, then `[DONE]`. Call it in the view."""
    # A client that goes away before the first chunk is asked for leaves a generator that never began, and so
    # never cleans up. The task that serves the request ends in any case.
    asyncio.current_task().add_done_callback(lambda _: runs.abandon())
    response = StreamingHttpResponse(_lines(chunks), content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"  # nginx would hold the tokens back otherwise
    return response
