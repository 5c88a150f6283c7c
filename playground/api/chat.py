"""`POST /v1/chat/completions`."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from inference.client import InferenceClient
from inference.request import Done, GenerationRequest, TokenLogprob, Tokens, Usage
from playground.api import sse
from playground.api.errors import endpoint, json_body
from playground.api.generation import Answer, Runs, total_usage
from playground.api.models import adapter_of
from playground.api.schemas import ChatBody
from playground.engine import engine


@endpoint("POST")
async def chat_completions(request: HttpRequest) -> HttpResponse:
    body = ChatBody.of(json_body(request))
    adapter = await adapter_of(body.model)
    client = engine.client
    runs = Runs(client, await engine_requests(client, body, adapter))
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk" if body.stream else "chat.completion",
        "created": int(time.time()),
        "model": body.model,
    }
    await runs.submit()
    if body.stream:
        return sse.stream(runs, chunks(runs, body, head))
    async with runs:
        answers = await runs.answers()
    return JsonResponse(
        {
            **head,
            "choices": [choice(index, answer, body) for index, answer in enumerate(answers)],
            "usage": total_usage([answer.usage for answer in answers], body.choices),
        }
    )


async def engine_requests(
    client: InferenceClient, body: ChatBody, adapter: str | None
) -> list[GenerationRequest]:
    prompt = await client.render_chat([message.plain() for message in body.messages])
    limit = body.token_limit
    if limit is None:
        # As OpenAI does: without a limit the answer may use what the context leaves.
        stats = await client.stats()
        limit = max(1, stats.max_model_len - await client.count_tokens(prompt))
    logprobs = body.logprob_count
    return [
        GenerationRequest(prompt=prompt, adapter=adapter, sampling=body.sampling(number, limit, logprobs))
        for number in range(body.choices)
    ]


def choice(index: int, answer: Answer, body: ChatBody) -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": answer.text, "refusal": None},
        "logprobs": logprob_content(answer.logprobs) if body.logprobs else None,
        "finish_reason": answer.finish_reason,
    }


def token_entry(text: str, logprob: float) -> dict[str, Any]:
    # A token may be part of a character; its bytes are then not known from its text.
    known = "\N{REPLACEMENT CHARACTER}" not in text
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()) if known else None}


def logprob_content(entries: Iterable[TokenLogprob]) -> dict[str, Any]:
    content = [
        {
            **token_entry(entry.text, entry.logprob),
            "top_logprobs": [token_entry(text, logprob) for _, text, logprob in entry.top],
        }
        for entry in entries
    ]
    return {"content": content, "refusal": None}


async def chunks(runs: Runs, body: ChatBody, head: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    # With include_usage OpenAI sends `usage: null` in every chunk but the last.
    tail = {"usage": None} if body.wants_usage else {}

    def chunk(index: int, delta: dict, logprobs: Any = None, finish_reason: str | None = None) -> dict:
        entry = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        return {**head, "choices": [entry], **tail}

    usages = [Usage(0, 0)] * len(runs.requests)
    async with runs:
        for index in range(len(runs.requests)):
            yield chunk(index, {"role": "assistant", "content": ""})
        async for index, event in runs.events():
            match event:
                case Tokens() if event.text or event.logprobs:
                    logprobs = logprob_content(event.logprobs) if event.logprobs is not None else None
                    yield chunk(index, {"content": event.text}, logprobs)
                case Done():
                    usages[index] = event.usage
                    yield chunk(index, {}, finish_reason=event.finish_reason)
    if body.wants_usage:
        yield {**head, "choices": [], "usage": total_usage(usages, body.choices)}
