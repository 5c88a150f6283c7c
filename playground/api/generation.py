"""Runs of the engine on behalf of one API request: submitted and followed together, never left over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from inference.client import InferenceClient
from inference.request import (
    Done,
    Event,
    Failed,
    FinishReason,
    GenerationRequest,
    RequestError,
    TokenLogprob,
    Tokens,
    Usage,
    is_terminal,
)

_abandoned: set[asyncio.Task] = set()  # the event loop itself only keeps weak references


@dataclass(slots=True)
class Answer:
    """The text of one finished run."""

    text: str = ""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    finish_reason: FinishReason = "stop"
    usage: Usage = field(default_factory=lambda: Usage(0, 0))


class Runs:
    """`requests` as engine runs. Leaving the `async with` block cancels whatever has not ended, so a client
    that goes away frees its place in the batch."""

    def __init__(self, client: InferenceClient, requests: Sequence[GenerationRequest]):
        self.client = client
        self.requests = requests
        self.open: dict[int, str] = {}

    async def submit(self) -> None:
        """Submits all requests, or none. Raises `RequestError`."""
        try:
            for index, request in enumerate(self.requests):
                self.open[index] = await self.client.submit(request)
        except BaseException:
            await self.cancel()
            raise

    async def cancel(self) -> None:
        while self.open:
            _, run_id = self.open.popitem()
            with contextlib.suppress(RequestError):  # the engine may have forgotten it already
                await self.client.cancel(run_id)

    def abandon(self) -> None:
        """Cancels whatever has not ended, without waiting for it."""
        if self.open:
            task = asyncio.create_task(self.cancel(), name="cancel abandoned runs")
            _abandoned.add(task)
            task.add_done_callback(_abandoned.discard)

    async def __aenter__(self) -> Runs:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cancel()

    async def events(self) -> AsyncIterator[tuple[int, Event]]:
        """The events of all runs as they come, each with the index of its request. Raises `RequestError`
        when a run fails or is cancelled from elsewhere; the others are then of no use to the client."""
        arrived: asyncio.Queue[tuple[int, Event | BaseException]] = asyncio.Queue(maxsize=64)

        async def follow(index: int, run_id: str) -> None:
            try:
                async for event in self.client.events(run_id):
                    await arrived.put((index, event))
            except Exception as error:
                await arrived.put((index, error))

        followers = [asyncio.create_task(follow(index, run_id)) for index, run_id in self.open.items()]
        try:
            while self.open:
                index, event = await arrived.get()
                if isinstance(event, BaseException):
                    raise event
                if is_terminal(event):
                    self.open.pop(index, None)
                if isinstance(event, Failed):
                    raise RequestError(event.code, event.message)
                if isinstance(event, Done) and event.finish_reason == "cancelled":
                    raise RequestError("interrupted", "The server stopped this answer. Try again.")
                yield index, event
        finally:
            for task in followers:
                task.cancel()
            await asyncio.gather(*followers, return_exceptions=True)

    async def answers(self) -> list[Answer]:
        """All finished answers, in the order of the requests. Raises `RequestError`."""
        answers = [Answer() for _ in self.requests]
        parts: list[list[str]] = [[] for _ in self.requests]
        async for index, event in self.events():
            match event:
                case Tokens():
                    parts[index].append(event.text)
                    answers[index].logprobs += event.logprobs or ()
                case Done():
                    answers[index].finish_reason = event.finish_reason
                    answers[index].usage = event.usage
        for answer, texts in zip(answers, parts, strict=True):
            answer.text = "".join(texts)
        return answers


def total_usage(usages: Sequence[Usage], choices: int) -> dict[str, int]:
    """OpenAI's usage: each prompt counts once, however many of its `choices` answers there are."""
    prompt = sum(usage.prompt_tokens for usage in usages[::choices])
    completion = sum(usage.completion_tokens for usage in usages)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
