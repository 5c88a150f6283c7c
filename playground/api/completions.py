"""`POST /v1/completions`."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from inference.request import Done, GenerationRequest, TokenLogprob, Tokens, Usage
from playground.api import sse
from playground.api.errors import endpoint, json_body
from playground.api.generation import Answer, Runs, total_usage
from playground.api.models import adapter_of
from playground.api.schemas import CompletionBody
from playground.engine import engine


@endpoint("POST")
async def completions(request: HttpRequest) -> HttpResponse:
    body = CompletionBody.of(json_body(request))
    body.refuse_combinations()
    adapter = await adapter_of(body.model)
    runs = Runs(engine.client, list(engine_requests(body, adapter)))
    head = {
        "id": f"cmpl-{uuid.uuid4().hex}",
        "object": "text_completion",
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


def engine_requests(body: CompletionBody, adapter: str | None) -> Iterable[GenerationRequest]:
    """A request for each choice of each prompt, in the order of the response's `index`."""
    limit = CompletionBody.DEFAULT_MAX_TOKENS if body.max_tokens is None else body.max_tokens
    for prompt in body.prompts:
        given = {"prompt": prompt} if isinstance(prompt, str) else {"prompt_token_ids": tuple(prompt)}
        for number in range(body.choices):
            yield GenerationRequest(
                **given, adapter=adapter, sampling=body.sampling(number, limit, body.logprobs)
            )


def echoed(body: CompletionBody, index: int) -> str:
    return body.prompts[index // body.choices] if body.echo else ""


def choice(index: int, answer: Answer, body: CompletionBody) -> dict[str, Any]:
    return {
        "index": index,
        "text": echoed(body, index) + answer.text,
        "logprobs": None if body.logprobs is None else logprob_lists(answer.logprobs, 0),
        "finish_reason": answer.finish_reason,
    }


def logprob_lists(entries: Iterable[TokenLogprob], offset: int) -> dict[str, list]:
    """OpenAI's parallel lists; `offset` is where in the text the first token begins."""
    lists: dict[str, list] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for entry in entries:
        lists["tokens"].append(entry.text)
        lists["token_logprobs"].append(entry.logprob)
        top = {text: logprob for _, text, logprob in entry.top}
        lists["top_logprobs"].append({**top, entry.text: entry.logprob} if top else {})
        lists["text_offset"].append(offset)
        offset += len(entry.text)
    return lists


async def chunks(runs: Runs, body: CompletionBody, head: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    # With include_usage OpenAI sends `usage: null` in every chunk but the last.
    tail = {"usage": None} if body.wants_usage else {}

    def chunk(index: int, text: str, logprobs: Any = None, finish_reason: str | None = None) -> dict:
        entry = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}
        return {**head, "choices": [entry], **tail}

    usages = [Usage(0, 0)] * len(runs.requests)
    offsets = [0] * len(runs.requests)
    async with runs:
        if body.echo:
            for index in range(len(runs.requests)):
                yield chunk(index, echoed(body, index))
        async for index, event in runs.events():
            match event:
                case Tokens() if event.text or event.logprobs:
                    logprobs = None
                    if event.logprobs is not None:
                        logprobs = logprob_lists(event.logprobs, offsets[index])
                        offsets[index] += sum(len(entry.text) for entry in event.logprobs)
                    yield chunk(index, event.text, logprobs)
                case Done():
                    usages[index] = event.usage
                    yield chunk(index, "", finish_reason=event.finish_reason)
    if body.wants_usage:
        yield {**head, "choices": [], "usage": total_usage(usages, body.choices)}
