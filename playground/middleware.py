"""Static files through WhiteNoise without leaving the event loop.

WhiteNoise's own middleware is synchronous only. In the middle of the stack it would push every request,
streams included, through a thread, and a client that goes away could no longer cancel its view.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable, iscoroutinefunction

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware
from whitenoise.middleware import WhiteNoiseMiddleware


@sync_and_async_middleware
def static_files(get_response: Callable) -> Callable:
    whitenoise = WhiteNoiseMiddleware(get_response)
    if not iscoroutinefunction(get_response):
        return whitenoise.__call__

    async def middleware(request: HttpRequest) -> HttpResponse:
        response: HttpResponse | Awaitable[HttpResponse] = whitenoise(request)
        if isawaitable(response):
            return await response
        # An ASGI server cannot stream from a blocking file; these files are small enough to send whole.
        body = b"" if request.method == "HEAD" else b"".join(response.streaming_content)
        whole = HttpResponse(body, status=response.status_code, headers=dict(response.items()))
        response.close()
        return whole

    return middleware
