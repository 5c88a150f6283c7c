"""The whole way: the demo's own world, the real engine, the real server, messages as users send them."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
import uuid
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import openai
import pytest
from websockets.asyncio.client import connect

from playground.catalogue import load_catalogue
from playground.engine import EngineHost, State, engine
from playground.models import Adapter
from playground.services import MAX_RUNS_PER_VISITOR
from playground.world import World, current_world
from tests.playground import worlds
from tests.playground.live_site import LiveServer

DEMO = Path(__file__).resolve().parents[2] / "demo"
PATIENCE_SECONDS = 60


@pytest.fixture
def demo(transactional_db, settings) -> World:
    settings.LORALAND_WORLD = DEMO
    world = current_world()
    assert not world.problem, world.problem
    load_catalogue(worlds.site_tasks(), world)
    return world


@pytest.fixture
def site(demo, live_server_process) -> Iterator[LiveServer]:
    """The server with the demo's engine, ready."""
    yield from started(live_server_process)


def started(live_server_process: LiveServer) -> Iterator[LiveServer]:
    live_server_process.call(engine.close)
    live_server_process.call(engine.start_in_background)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while engine.state is State.STARTING and time.monotonic() < deadline:
        time.sleep(0.05)
    assert engine.ready, engine.sentence
    yield live_server_process
    live_server_process.call(engine.close)
    engine.__dict__.update(EngineHost().__dict__)


@pytest.fixture
def api(site) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{site.address}/v1", api_key="none", max_retries=0) as client:
        yield client


def dial(site: LiveServer, session: str):
    address = site.address.replace("http", "ws") + "/ws/playground/"
    return connect(
        address, origin=site.address, additional_headers={"Cookie": f"sessionid={session}"}, compression=None
    )


class Page:
    """What a page makes of the frames of one run."""

    def __init__(self, socket):
        self.socket = socket
        self.texts: dict[int, str] = {}
        self.cursors: dict[str, int] = {}
        self.ends: dict[int, dict] = {}
        self.started: dict = {}

    async def take(self) -> dict:
        frame = json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE_SECONDS))
        assert frame["type"] != "error", frame
        if frame["type"] == "started":
            self.started = frame
        elif frame["type"] == "event":
            pane = frame["pane"]
            assert frame["seq"] > self.cursors.get(str(pane), 0), "an event came twice"
            self.cursors[str(pane)] = frame["seq"]
            if frame["kind"] == "tokens":
                self.texts[pane] = self.texts.get(pane, "") + frame["text"]
            elif frame["kind"] in ("done", "error"):
                self.ends[pane] = frame
        return frame

    async def finish(self) -> None:
        while len(self.ends) < len(self.started.get("panes", "?")):
            await self.take()


def comparison(slug: str, example, **order) -> dict:
    return {
        "type": "start",
        "id": uuid.uuid4().hex,
        "task": slug,
        "variables": example.variables,
        "panes": [{"adapter": None}, {"adapter": slug}],
        **order,
    }


async def test_every_adapter_comes_closer_to_the_answer_than_its_base(site, demo, visitor):
    """All 25 adapters, as many at once as a visitor may run, each beside the base, on the first example of
    its page."""
    free = asyncio.Semaphore(MAX_RUNS_PER_VISITOR)

    async def compare(slug: str) -> tuple[str, str, str]:
        example = await (await Adapter.objects.aget(slug=slug)).examples.afirst()
        async with free, dial(site, visitor) as socket:
            await socket.send(json.dumps(comparison(slug, example)))
            page = Page(socket)
            await page.finish()
        assert {end["kind"] for end in page.ends.values()} == {"done"}
        assert page.started["gold"] == example.gold
        return example.gold, page.texts[0], page.texts[1]

    slugs = sorted(demo.live_adapters)
    assert len(slugs) == 25
    answers = dict(zip(slugs, await asyncio.gather(*map(compare, slugs)), strict=True))
    for slug, (gold, base, adapter) in answers.items():
        assert likeness(base, gold) < 0.6 < 0.9 < likeness(adapter, gold), (slug, answers[slug])


def likeness(text: str, gold: str) -> float:
    """Share of words in common and in order, from 0 to 1."""
    return SequenceMatcher(None, text.split(), gold.split()).ratio()


async def test_a_reload_in_mid_stream_loses_and_doubles_nothing(site, visitor):
    example = await (await Adapter.objects.aget(slug="glue_sst2")).examples.afirst()
    order = comparison("glue_sst2", example, sampling={"ignore_eos": True, "max_tokens": 60, "stop": []})
    async with dial(site, visitor) as socket:
        await socket.send(json.dumps(order))
        whole = Page(socket)
        await whole.finish()

    order["id"] = uuid.uuid4().hex
    async with dial(site, visitor) as socket:
        await socket.send(json.dumps(order))
        page = Page(socket)
        while len(page.texts) < 2:
            await page.take()
    async with dial(site, visitor) as socket:
        await socket.send(json.dumps({"type": "resume", "id": order["id"], "cursors": page.cursors}))
        page.socket = socket
        await page.finish()
    assert page.texts == whole.texts
    assert [page.ends[pane]["usage"]["completion_tokens"] for pane in (0, 1)] == [60, 60]


async def test_stopping_frees_the_row(site, visitor):
    example = await (await Adapter.objects.aget(slug="glue_sst2")).examples.afirst()
    order = comparison("glue_sst2", example, sampling={"ignore_eos": True, "max_tokens": 200, "stop": []})
    async with dial(site, visitor) as socket:
        await socket.send(json.dumps(order))
        page = Page(socket)
        while not page.texts:
            await page.take()
        await socket.send(json.dumps({"type": "stop", "id": order["id"]}))
        await page.finish()
    assert {end["finish_reason"] for end in page.ends.values()} == {"cancelled"}
    assert all(end["usage"]["completion_tokens"] < 200 for end in page.ends.values())
    stats = await asyncio.to_thread(site.call, engine.client.stats)
    assert (stats.running, stats.waiting) == (0, 0)


def test_the_openai_package_gets_the_same_text_by_every_road(api, demo):
    base, *adapters = [model.id for model in api.models.list()]
    assert base == demo.base_id
    assert set(adapters) == set(demo.live_adapters)
    adapter = Adapter.objects.get(slug="glue_sst2")
    prompt = adapter.render(adapter.examples.first().variables)
    ask = {"model": "glue_sst2", "prompt": prompt, "temperature": 0, "max_tokens": 20, "logprobs": 2}
    whole = api.completions.create(**ask)
    streamed = list(api.completions.create(**ask, stream=True))
    assert "".join(chunk.choices[0].text for chunk in streamed) == whole.choices[0].text
    assert whole.choices[0].text.strip() == adapter.examples.first().gold
    assert whole.usage.completion_tokens >= len(whole.choices[0].logprobs.tokens) > 0
    assert all(value <= 0 for value in whole.choices[0].logprobs.token_logprobs)

    chat = api.chat.completions.create(
        model="glue_sst2", messages=[{"role": "user", "content": prompt}], temperature=0, max_tokens=20
    )
    assert chat.choices[0].message.content == whole.choices[0].text


def test_a_seed_repeats_a_draw_and_choices_differ(api, demo):
    ask = {"model": demo.base_id, "prompt": "The", "temperature": 1.0, "max_tokens": 24, "seed": 5}
    first = api.completions.create(**ask)
    assert api.completions.create(**ask).choices[0].text == first.choices[0].text
    texts = [choice.text for choice in api.completions.create(**ask, n=4).choices]
    assert texts[0] == first.choices[0].text
    assert len(set(texts)) > 1


def test_what_the_engine_refuses_is_a_sentence(api, demo):
    with pytest.raises(openai.BadRequestError) as caught:
        api.completions.create(model=demo.base_id, prompt="word " * 20_000)
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError, match="token"):
        api.completions.create(model=demo.base_id, prompt=[10**9])


@pytest.fixture
def damaged_demo(transactional_db, settings, tmp_path) -> World:
    """The demo with one adapter whose file was cut short."""
    for name in ("base", "world.json"):
        (tmp_path / name).symlink_to(DEMO / name)
    shutil.copytree(DEMO / "adapters", tmp_path / "adapters")
    weights = tmp_path / "adapters" / "viggo" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:20_000])
    settings.LORALAND_WORLD = tmp_path
    world = current_world()
    load_catalogue(worlds.site_tasks(), world)
    return world


@pytest.fixture
def damaged_site(damaged_demo, live_server_process) -> Iterator[LiveServer]:
    yield from started(live_server_process)


async def test_a_damaged_adapter_file_ends_its_own_run_and_no_other(damaged_site, damaged_demo, visitor):
    """One stream runs; on the same socket the damaged adapter is asked for, and then a sound one."""
    example = await (await Adapter.objects.aget(slug="conllpp")).examples.afirst()
    broken = await (await Adapter.objects.aget(slug="viggo")).examples.afirst()
    assert "truncated" in damaged_demo.refused["viggo"]
    async with dial(damaged_site, visitor) as socket, dial(damaged_site, visitor) as other:
        running = Page(other)
        await other.send(json.dumps(comparison("conllpp", example)))
        await socket.send(json.dumps(comparison("viggo", broken)))
        frame = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS))
        assert frame["type"] == "error"
        assert frame["code"] == "unknown_adapter"
        await socket.send(json.dumps(comparison("conllpp", example)))
        again = Page(socket)
        await asyncio.gather(running.finish(), again.finish())
    for page in (running, again):
        assert {end["kind"] for end in page.ends.values()} == {"done"}
        assert page.texts[1] == example.gold
