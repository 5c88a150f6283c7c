"""Errors in OpenAI's shape, `{"error": {"message", "type", "param", "code"}}`, with a fitting status."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic_core import from_json

from inference.request import RequestError
from playground.world import current_world

logger = logging.getLogger(__name__)

# Status and type for the engine's error codes.
STATUSES = {
    "invalid_parameter": (400, "invalid_request_error"),
    "empty_prompt": (400, "invalid_request_error"),
    "prompt_too_long": (400, "invalid_request_error"),
    "unknown_adapter": (404, "invalid_request_error"),
    "duplicate_run": (409, "invalid_request_error"),
    "overloaded": (429, "rate_limit_error"),
    "unavailable": (503, "server_error"),
    "interrupted": (503, "server_error"),
}
CODES = {"prompt_too_long": "context_length_exceeded", "unknown_adapter": "model_not_found"}
RETRY_AFTER_SECONDS = {429: "1", 503: "2"}
UNEXPECTED = "Something went wrong on the server. It has been logged; try again."


class ApiError(Exception):
    """What a client gets instead of an answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.param = param
        self.code = code

    @classmethod
    def of(cls, error: RequestError) -> ApiError:
        status, kind = STATUSES.get(error.code, (500, "server_error"))
        message = current_world().public(error.message)
        return cls(message, status=status, type=kind, code=CODES.get(error.code, error.code))

    @property
    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def response(self) -> JsonResponse:
        response = JsonResponse(self.body, status=self.status)
        if self.status in RETRY_AFTER_SECONDS:
            response["Retry-After"] = RETRY_AFTER_SECONDS[self.status]
        return response


View = Callable[..., Awaitable[HttpResponse]]


def endpoint(method: str | None) -> Callable[[View], View]:
    """Makes an async view an API endpoint: one method (None: any), errors in OpenAI's shape, no CSRF token.

    Without a token, what keeps other sites' pages from posting through a visitor's browser is that they
    cannot send `application/json` (see `json_body`) without asking first, and nobody answers that question.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @functools.wraps(view)
        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                if method is not None and request.method != method:
                    sentence = f"{request.path} answers to {method}, not to {request.method}."
                    response = ApiError(sentence, status=405, code="method_not_allowed").response()
                    response["Allow"] = method
                    return response
                return await view(request, *args, **kwargs)
            except ApiError as error:
                return error.response()
            except RequestError as error:
                return ApiError.of(error).response()
            except Exception:
                logger.exception("%s %s failed", request.method, request.path)
                return ApiError(UNEXPECTED, status=500, type="server_error", code="internal").response()

        return wrapper

    return decorate


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The request's JSON object. Raises `ApiError`."""
    if request.content_type != "application/json":
        raise ApiError("Send JSON, with the header Content-Type: application/json.", status=415)
    try:
        body = request.body
    except RequestDataTooBig:
        raise ApiError("The request is larger than 1 MiB.", status=413, code="request_too_large") from None
    try:
        data = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ApiError(f"The request is not JSON: {error}.") from None
    if not isinstance(data, dict):
        raise ApiError("The request must be a JSON object.")
    return data


@endpoint(None)
async def not_found(request: HttpRequest) -> HttpResponse:
    raise ApiError(f"There is no {request.path} here.", status=404, code="not_found")
