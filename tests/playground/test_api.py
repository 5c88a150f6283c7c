"""The API as its users see it: the `openai` package against the real server, answers by script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import openai
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.utils.decorators import async_only_middleware

from tests.playground.live_site import LiveSite
from tests.playground.scripted_client import Script, ScriptedClient

BASE = "mini-mistral-5m"
IMAGE = {"type": "image_url", "image_url": {"url": "x"}}
HELLO = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
def site(transactional_db, catalogue, live_server_process) -> Iterator[LiveSite]:
    client = ScriptedClient()
    for slug in catalogue.live_adapters:
        client.register(slug)
    client.script(None, Script(["Once", " upon", " a", " time"]))
    client.script("glue_sst2", Script(["1"]))
    with LiveSite(live_server_process, client) as live:
        yield live


@pytest.fixture
def api(site) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{site.address}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def http(site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.address, timeout=20) as client:
        yield client


class TestModels:
    def test_lists_the_base_and_the_live_adapters(self, api):
        models = list(api.models.list())
        assert {model.id for model in models} == {BASE, "glue_sst2", "conllpp", "gsm8k", "viggo"}
        assert models[0].id == BASE
        assert {model.parent for model in models[1:]} == {BASE}
        assert all(model.object == "model" and model.created > 0 for model in models)

    def test_gives_one(self, api):
        assert api.models.retrieve("glue_sst2").parent == BASE

    def test_knows_hub_ids(self, api):
        assert api.models.retrieve("predibase/glue_sst2").id == "glue_sst2"

    def test_does_not_know_others(self, api):
        with pytest.raises(openai.NotFoundError, match="no model 'gpt-4'"):
            api.models.retrieve("gpt-4")


class TestCompletions:
    def test_whole(self, api):
        answer = api.completions.create(model=BASE, prompt="two words")
        assert answer.object == "text_completion"
        assert answer.id.startswith("cmpl-")
        assert answer.model == BASE
        assert answer.choices[0].text == "Once upon a time"
        assert answer.choices[0].finish_reason == "stop"
        assert answer.choices[0].logprobs is None
        assert answer.usage.to_dict() == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}

    def test_the_model_chooses_the_adapter(self, api, site):
        answer = api.completions.create(model="glue_sst2", prompt="p")
        assert (answer.model, answer.choices[0].text) == ("glue_sst2", "1")
        (run,) = site.client.runs.values()
        assert run.request.adapter == "glue_sst2"

    def test_streamed(self, api):
        chunks = list(api.completions.create(model=BASE, prompt="p", stream=True))
        assert "".join(chunk.choices[0].text for chunk in chunks) == "Once upon a time"
        assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * 4
        assert chunks[-1].choices[0].finish_reason == "stop"
        assert len({chunk.id for chunk in chunks}) == 1

    def test_streamed_with_usage(self, api):
        options = {"include_usage": True}
        *chunks, last = api.completions.create(model=BASE, prompt="a b", stream=True, stream_options=options)
        assert last.choices == []
        assert last.usage.to_dict() == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
        assert all(chunk.usage is None for chunk in chunks)

    def test_several_prompts_and_choices(self, api, site):
        site.client.script("viggo", Script(echo=True))
        answer = api.completions.create(model="viggo", prompt=["one", "two words"], n=2, seed=7)
        texts = [(choice.index, choice.text) for choice in answer.choices]
        assert texts == [(0, " one"), (1, " one"), (2, " two words"), (3, " two words")]
        assert answer.usage.prompt_tokens == 3  # each prompt once
        assert answer.usage.completion_tokens == 6
        assert [run.request.sampling.seed for run in site.client.runs.values()] == [7, 8, 7, 8]

    def test_several_streams_carry_their_index(self, api, site):
        site.client.script("viggo", Script(echo=True))
        texts = {0: "", 1: ""}
        for chunk in api.completions.create(model="viggo", prompt=["a b", "c d"], stream=True):
            texts[chunk.choices[0].index] += chunk.choices[0].text
        assert texts == {0: " a b", 1: " c d"}

    @pytest.mark.parametrize("prompt", [[5, 6, 7], [[5, 6, 7]]], ids=["one", "a list of one"])
    def test_token_ids(self, api, site, prompt):
        answer = api.completions.create(model=BASE, prompt=prompt)
        assert answer.usage.prompt_tokens == 3
        (run,) = site.client.runs.values()
        assert run.request.prompt_token_ids == (5, 6, 7)

    def test_parameters_reach_the_engine(self, api, site):
        api.completions.create(
            model=BASE,
            prompt="p",
            max_tokens=3,
            temperature=0.5,
            top_p=0.9,
            presence_penalty=0.1,
            frequency_penalty=-0.2,
            seed=4,
            stop="\n",
            user="someone",
            extra_body={"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.2, "ignore_eos": True},
        )
        (run,) = site.client.runs.values()
        sampling = run.request.sampling
        assert (sampling.max_tokens, sampling.temperature, sampling.top_p) == (3, 0.5, 0.9)
        assert (sampling.presence_penalty, sampling.frequency_penalty, sampling.seed) == (0.1, -0.2, 4)
        assert (sampling.top_k, sampling.min_p, sampling.repetition_penalty) == (5, 0.1, 1.2)
        assert (sampling.stop, sampling.ignore_eos) == (("\n",), True)

    def test_defaults_are_openais(self, api, site):
        api.completions.create(model=BASE, prompt="p")
        (run,) = site.client.runs.values()
        sampling = run.request.sampling
        assert (sampling.max_tokens, sampling.temperature, sampling.top_p) == (16, 1.0, 1.0)

    def test_a_length_stop_is_told(self, api):
        answer = api.completions.create(model=BASE, prompt="p", max_tokens=2, stop=["x", "y"])
        assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("Once upon", "length")

    @pytest.mark.parametrize("stream", [False, True])
    def test_echo(self, api, stream):
        answer = api.completions.create(model=BASE, prompt="So:", echo=True, stream=stream)
        choices = [chunk.choices[0] for chunk in answer] if stream else answer.choices
        assert "".join(choice.text for choice in choices) == "So:Once upon a time"

    def test_logprobs(self, api):
        logprobs = api.completions.create(model=BASE, prompt="p", logprobs=2).choices[0].logprobs
        assert logprobs.tokens == ["Once", " upon", " a", " time"]
        assert logprobs.token_logprobs == [-0.5] * 4
        assert logprobs.top_logprobs[0] == {"Once": -0.5, "other": -1.5}
        assert logprobs.text_offset == [0, 4, 9, 11]

    def test_streamed_logprobs_keep_their_offsets(self, api):
        chunks = api.completions.create(model=BASE, prompt="p", logprobs=1, stream=True)
        offsets = [chunk.choices[0].logprobs.text_offset for chunk in chunks if chunk.choices[0].logprobs]
        assert offsets == [[0], [4], [9], [11]]


class TestChat:
    def test_whole(self, api, site):
        answer = api.chat.completions.create(model=BASE, messages=HELLO)
        assert answer.object == "chat.completion"
        assert answer.choices[0].message.role == "assistant"
        assert answer.choices[0].message.content == "Once upon a time"
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage.total_tokens == 6
        (run,) = site.client.runs.values()
        assert run.request.prompt == "Hello there"
        assert run.request.sampling.max_tokens == site.client.max_model_len - 2  # what the context leaves

    def test_streamed(self, api):
        options = {"include_usage": True}
        stream = api.chat.completions.create(
            model="glue_sst2", messages=HELLO, stream=True, stream_options=options
        )
        first, *middle, end, usage = stream
        assert first.choices[0].delta.role == "assistant"
        assert "".join(chunk.choices[0].delta.content for chunk in middle) == "1"
        assert end.choices[0].finish_reason == "stop"
        assert usage.usage.completion_tokens == 1
        assert first.object == "chat.completion.chunk"

    def test_the_packages_own_stream_helper_is_content(self, api):
        with api.chat.completions.stream(model=BASE, messages=HELLO) as stream:
            final = stream.get_final_completion()
        assert final.choices[0].message.content == "Once upon a time"

    def test_messages_in_parts_and_roles(self, api, site):
        messages = [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]},
        ]
        api.chat.completions.create(model=BASE, messages=messages)
        (run,) = site.client.runs.values()
        assert run.request.prompt == "Be brief.\n\nOneTwo"

    def test_limits_by_both_names(self, api):
        for name in ("max_tokens", "max_completion_tokens"):
            answer = api.chat.completions.create(model=BASE, messages=HELLO, **{name: 1})
            assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Once", "length")

    def test_logprobs(self, api):
        answer = api.chat.completions.create(model=BASE, messages=HELLO, logprobs=True, top_logprobs=2)
        first = answer.choices[0].logprobs.content[0]
        assert (first.token, first.logprob, bytes(first.bytes)) == ("Once", -0.5, b"Once")
        assert [entry.token for entry in first.top_logprobs] == ["Once", "other"]

    def test_choices(self, api):
        answer = api.chat.completions.create(model=BASE, messages=HELLO, n=3)
        assert [choice.index for choice in answer.choices] == [0, 1, 2]
        assert answer.usage.prompt_tokens == 2

    def test_what_asks_for_nothing_is_accepted(self, api):
        api.chat.completions.create(
            model=BASE,
            messages=HELLO,
            response_format={"type": "text"},
            tool_choice="none",
            user="u",
            logit_bias={},
        )


async def test_the_async_client(site):
    async with openai.AsyncOpenAI(base_url=f"{site.address}/v1", api_key="none", max_retries=0) as api:
        whole = await api.completions.create(model="glue_sst2", prompt="p")
        assert whole.choices[0].text == "1"
        stream = await api.chat.completions.create(model=BASE, messages=HELLO, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert text == "Once upon a time"


class TestRefusals:
    @pytest.mark.parametrize(
        ("parameters", "param"),
        [
            ({"temperature": -1}, None),
            ({"max_tokens": 0}, None),
            ({"temperature": "hot"}, "temperature"),
            ({"n": 0}, "n"),
            ({"stop": [1]}, "stop"),
            ({"suffix": "end"}, "suffix"),
            ({"best_of": 3}, "best_of"),
            ({"logit_bias": {"5": 1}}, "logit_bias"),
            ({"prompt": []}, "prompt"),
            ({"prompt": {"text": "p"}}, "prompt"),
            ({"prompt": [1, "two"]}, "prompt"),
            ({"prompt": ["p"] * 33}, "prompt"),
            ({"echo": True, "logprobs": 1}, "echo"),
            ({"echo": True, "prompt": [1, 2]}, "echo"),
            ({"logprobs": 21}, None),
            ({"stream_options": {"include_usage": True}}, "stream_options"),
            ({"heat": 1}, "heat"),
        ],
        ids=str,
    )
    def test_a_bad_completion_is_a_400_with_a_sentence(self, http, parameters, param):
        response = http.post("/v1/completions", json={"model": BASE, "prompt": "p", **parameters})
        error = response.json()["error"]
        assert response.status_code == 400
        assert error["type"] == "invalid_request_error"
        assert error["message"].endswith(".")
        if param is not None:
            assert (error["param"] or "").startswith(param)
            assert param in error["message"]

    @pytest.mark.parametrize(
        ("parameters", "param"),
        [
            ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
            ({"tool_choice": "required"}, "tool_choice"),
            ({"functions": [{"name": "f"}]}, "functions"),
            ({"response_format": {"type": "json_object"}}, "response_format"),
            ({"modalities": ["text", "audio"]}, "modalities"),
            ({"reasoning_effort": "high"}, "reasoning_effort"),
            ({"top_logprobs": 2}, "top_logprobs"),
            ({"messages": []}, "messages"),
            ({"messages": "hello"}, "messages"),
            ({"messages": [{"role": "tool", "content": "x"}]}, "messages"),
            ({"messages": [{"role": "user", "content": None}]}, "messages"),
            (
                {
                    "messages": [
                        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
                    ]
                },
                "messages",
            ),
        ],
        ids=str,
    )
    def test_a_bad_chat_is_a_400_with_a_sentence(self, http, parameters, param):
        response = http.post("/v1/chat/completions", json={"model": BASE, "messages": HELLO, **parameters})
        error = response.json()["error"]
        assert response.status_code == 400
        assert error["param"].startswith(param)
        assert error["message"].endswith(".")

    def test_an_unknown_model_is_a_404(self, api):
        with pytest.raises(openai.NotFoundError) as caught:
            api.completions.create(model="gpt-4", prompt="p")
        assert caught.value.code == "model_not_found"

    def test_a_model_without_weights_says_what_is_missing(self, api):
        with pytest.raises(openai.NotFoundError, match="not part of the miniature world"):
            api.completions.create(model="glue_mnli", prompt="p")

    def test_a_prompt_longer_than_the_context(self, api):
        with pytest.raises(openai.BadRequestError) as caught:
            api.completions.create(model=BASE, prompt="word " * 300)
        assert caught.value.code == "context_length_exceeded"

    def test_a_full_engine_is_a_429_with_a_time_to_wait(self, api, site):
        site.client.script("viggo", Script(refuse=("overloaded", "The engine is full.")))
        with pytest.raises(openai.RateLimitError) as caught:
            api.completions.create(model="viggo", prompt="p")
        assert caught.value.response.headers["Retry-After"] == "1"

    def test_one_refused_prompt_cancels_its_companions(self, api, site):
        site.client.script(None, Script(held=True))
        with pytest.raises(openai.BadRequestError):
            api.completions.create(model=BASE, prompt=["fine", "word " * 300])
        (run,) = site.client.runs.values()
        site.call(run.cancelled.wait)

    def test_a_failing_run_is_an_error_of_the_server(self, api, site):
        site.client.script("viggo", Script(["x"], fail=("internal", "The adapter broke.")))
        with pytest.raises(openai.InternalServerError, match="The adapter broke"):
            api.completions.create(model="viggo", prompt="p")

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_failure_does_not_tell_where_the_world_lies(self, api, site, catalogue, stream):
        path = catalogue.adapters["viggo"].path
        sentence = f"The adapter at {path} has changed."
        site.client.script("viggo", Script([], fail=("adapter_invalid", sentence)))
        with pytest.raises(openai.APIError, match="The adapter at adapters/viggo has changed"):
            list(api.completions.create(model="viggo", prompt="p", stream=stream))

    def test_a_failure_in_mid_stream_is_the_streams_last_event(self, api, site):
        site.client.script("viggo", Script(["x"], fail=("internal", "The adapter broke.")))
        stream = api.completions.create(model="viggo", prompt="p", stream=True)
        assert next(stream).choices[0].text == "x"
        with pytest.raises(openai.APIError, match="The adapter broke"):
            next(stream)

    @pytest.mark.parametrize("body", ["{", "[]", '"x"', "", "[" * 10_000, '{"a": NaN}'])
    def test_what_is_no_json_object_is_a_400(self, http, body):
        response = http.post("/v1/completions", content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == 400
        assert "JSON" in response.json()["error"]["message"]

    def test_a_form_post_is_a_415(self, http):
        """What another site's page can send without asking first must not reach the engine."""
        response = http.post(
            "/v1/completions", content='{"model": "m"}', headers={"Content-Type": "text/plain"}
        )
        assert response.status_code == 415

    def test_a_huge_request_is_a_413(self, http):
        response = http.post("/v1/completions", json={"model": BASE, "prompt": "x" * 1_100_000})
        assert response.status_code == 413
        assert response.json()["error"]["code"] == "request_too_large"

    def test_the_wrong_method_is_a_405(self, http):
        response = http.get("/v1/completions")
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")
        assert "POST" in response.json()["error"]["message"]

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_an_unknown_address_is_a_404_in_json(self, http, method):
        response = http.request(method, "/v1/embeddings", json={})
        assert response.status_code == 404
        assert "/v1/embeddings" in response.json()["error"]["message"]


@async_only_middleware
def endless(get_response):
    """A middleware that is not done with the response when the client goes away."""

    async def middleware(request):
        response = await get_response(request)
        request.scope["began"].set()
        await asyncio.Event().wait()
        return response

    return middleware


class TestGoingAway:
    """A client that hangs up frees its place in the batch."""

    def test_in_a_stream(self, http, site):
        site.client.script(None, Script(["tok"] * 100, held=True))
        with http.stream(
            "POST", "/v1/completions", json={"model": BASE, "prompt": "p", "stream": True}
        ) as stream:
            (run_id,) = site.client.runs
            site.call(site.client.release, run_id)
            lines = stream.iter_lines()
            assert json.loads(next(lines).removeprefix("data: "))["choices"][0]["text"] == "tok"
        site.call(site.client.ended, run_id)
        assert site.client.runs[run_id].log[-1].finish_reason == "cancelled"

    def test_before_a_whole_answer(self, http, site):
        site.client.script(None, Script(["tok"] * 100, held=True))
        with pytest.raises(httpx.ReadTimeout):
            http.post("/v1/completions", json={"model": BASE, "prompt": "p"}, timeout=0.5)
        (run_id,) = site.client.runs
        site.call(site.client.ended, run_id)
        assert site.client.runs[run_id].log[-1].finish_reason == "cancelled"

    @pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
    @pytest.mark.parametrize("where", ["in a middleware", "before the first byte"])
    async def test_before_a_stream_has_begun(self, scripted, settings, path, where):
        scripted.script(None, Script(["tok"] * 100, held=True))
        began = asyncio.Event()
        if where == "in a middleware":
            settings.MIDDLEWARE = [f"{__name__}.endless", *settings.MIDDLEWARE]
        body = {"model": BASE, "prompt": "p", "messages": HELLO, "stream": True}
        del body["prompt" if "chat" in path else "messages"]
        arriving = asyncio.Queue()
        arriving.put_nowait({"type": "http.request", "body": json.dumps(body).encode()})

        async def send(message) -> None:
            began.set()
            await asyncio.Event().wait()  # the client reads nothing

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"host", b"testserver")],
            "began": began,
        }
        serving = asyncio.create_task(ASGIHandler()(scope, arriving.get, send))
        await asyncio.wait_for(began.wait(), 10)
        arriving.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(serving, 10)
        (run_id,) = scripted.runs
        await asyncio.wait_for(scripted.ended(run_id), 10)
        assert scripted.runs[run_id].log[-1].finish_reason == "cancelled"

    def test_a_stream_that_was_read_to_its_end_ends_with_done(self, http):
        response = http.post("/v1/completions", json={"model": BASE, "prompt": "p", "stream": True})
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.text.endswith("data: [DONE]\n\n")
