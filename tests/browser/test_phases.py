"""What the page makes of the server's frames, spoken here one by one."""

import json
import time

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.adapter_page import AdapterPage


class Server:
    """The other end of the page's socket, played by the test. It answers pings and keeps other commands."""

    def __init__(self, page):
        self.page = page
        self.heard: list[dict] = []
        self.routes: list[WebSocketRoute] = []
        page.route_web_socket("**/ws/playground/", self.accept)

    def accept(self, route: WebSocketRoute) -> None:
        self.routes.append(route)
        route.on_message(self.hear)

    def hear(self, text: str) -> None:
        command = json.loads(text)
        if command["type"] == "ping":
            self.say({"type": "pong"})
        else:
            self.heard.append(command)

    def command(self, number: int) -> dict:
        """The page's command of that number, counting from 1, waited for if need be."""
        deadline = time.monotonic() + 10
        while len(self.heard) < number:
            assert time.monotonic() < deadline, f"the page sent {self.heard} and no more"
            self.page.wait_for_timeout(20)
        assert len(self.heard) == number, f"the page sent more than expected: {self.heard}"
        return self.heard[-1]

    def say(self, frame: dict) -> None:
        self.routes[-1].send(json.dumps(frame))

    def start(self, order: dict) -> None:
        panes = [{"pane": n, **pane, "name": "…"} for n, pane in enumerate(order["panes"])]
        self.say(
            {
                "type": "started",
                "id": order["id"],
                "prompt": "words",
                "prompt_tokens": 7,
                "variables": None,
                "sampling": {"temperature": 0, "max_tokens": 64, "seed": 5, "stop": []},
                "panes": panes,
                "gold": None,
            }
        )

    def event(self, order: dict, pane: int, seq: int, kind: str, **fields) -> None:
        self.say({"type": "event", "id": order["id"], "pane": pane, "seq": seq, "kind": kind, **fields})

    def tokens(self, order: dict, pane: int, seq: int, text: str) -> None:
        self.event(order, pane, seq, "tokens", text=text, count=1)

    def done(self, order: dict, pane: int, seq: int) -> None:
        timings = {"queue_ms": 1.0, "first_token_ms": 20.0, "total_ms": 30.0}
        usage = {"prompt_tokens": 7, "completion_tokens": 2}
        self.event(
            order,
            pane,
            seq,
            "done",
            finish_reason="stop",
            usage=usage,
            timings=timings,
            tokens_per_second=100.0,
        )


@pytest.fixture
def server(page):
    return Server(page)


@pytest.fixture
def opened(server, open_adapter) -> AdapterPage:
    return open_adapter("glue_sst2")


def pressed_run(opened: AdapterPage, server: Server) -> dict:
    """The start message after the first press of Run."""
    opened.run.click()
    expect(opened.base.phase).to_have_text("Sending")
    return server.command(1)


def test_the_order_names_the_task_both_panes_and_the_sampling(opened, server):
    order = pressed_run(opened, server)
    assert order["type"] == "start"
    assert order["task"] == "glue_sst2"
    assert order["variables"] == {"sentence": "a warm, funny, engaging film ."}
    assert order["panes"] == [{"adapter": None}, {"adapter": "glue_sst2"}]
    assert order["sampling"]["temperature"] == 0
    assert "seed" not in order["sampling"]


def test_each_pane_names_its_phase_and_place_in_the_queue(opened, server):
    order = pressed_run(opened, server)
    server.start(order)
    server.event(order, 0, 1, "queued", position=3)
    expect(opened.base.phase).to_have_text("Queued, 3rd in line")
    server.event(order, 1, 1, "loading", tier="disk")
    expect(opened.adapter.phase).to_have_text("Loading the adapter from disk")
    server.event(order, 0, 2, "prefill", prompt_tokens=7)
    expect(opened.base.phase).to_have_text("Reading the prompt, 7 tokens")
    server.tokens(order, 0, 3, "a")
    expect(opened.base.phase).to_have_text("Writing")
    expect(opened.adapter.phase).to_have_text("Loading the adapter from disk")


def test_frames_that_come_twice_are_shown_once(opened, server):
    order = pressed_run(opened, server)
    server.start(order)
    server.tokens(order, 0, 4, "one")
    server.tokens(order, 0, 4, "one")
    server.tokens(order, 0, 3, "zero")
    server.tokens(order, 0, 6, " two")
    server.done(order, 0, 7)
    server.done(order, 0, 7)
    expect(opened.base.phase).to_have_text("Finished")
    assert opened.base.read() == "one two"


def test_after_a_lost_connection_each_pane_is_resumed_from_its_own_cursor(opened, server):
    order = pressed_run(opened, server)
    server.start(order)
    server.tokens(order, 0, 12, "base")
    server.event(order, 1, 2, "prefill", prompt_tokens=7)
    expect(opened.adapter.phase).to_have_text("Reading the prompt, 7 tokens")
    server.routes[-1].close(code=1012)
    expect(opened.connection).not_to_have_attribute("data-state", "open")
    expect(opened.connection).to_have_attribute("data-state", "open")
    assert server.command(2) == {"type": "resume", "id": order["id"], "cursors": {"0": 12, "1": 2}}


def test_an_order_without_an_answer_is_repeated_with_the_same_id(opened, server):
    order = pressed_run(opened, server)
    server.routes[-1].close(code=1012)
    expect(opened.connection).not_to_have_attribute("data-state", "open")
    expect(opened.connection).to_have_attribute("data-state", "open")
    assert server.command(2) == order


def test_a_server_that_is_not_ready_is_named_in_both_panes_and_can_be_tried_again(opened, server):
    order = pressed_run(opened, server)
    sentence = "The engine is still loading its model."
    server.say({"type": "error", "id": order["id"], "code": "unavailable", "message": sentence})
    for pane in (opened.base, opened.adapter):
        expect(pane.phase).to_have_text("Failed")
        expect(pane.error).to_have_text(sentence)
    opened.base.retry.click()
    expect(opened.base.phase).to_have_text("Sending")
    again = server.command(2)
    assert again["id"] != order["id"]
    assert again["panes"] == order["panes"]


def test_stop_is_sent_for_one_pane_or_for_all(opened, server):
    order = pressed_run(opened, server)
    server.start(order)
    server.tokens(order, 0, 1, "a")
    opened.adapter.stop.click()
    expect(opened.adapter.phase).to_have_text("Stopping")
    assert server.command(2) == {"type": "stop", "id": order["id"], "pane": 1}
    opened.stop_all.click()
    expect(opened.base.phase).to_have_text("Stopping")
    assert server.command(3) == {"type": "stop", "id": order["id"], "pane": 0}


def test_a_word_about_a_command_leaves_the_panes_alone(opened, server):
    order = pressed_run(opened, server)
    server.start(order)
    server.tokens(order, 0, 1, "a")
    server.say(
        {"type": "error", "id": order["id"], "code": "too_many_messages", "message": "Slower, please."}
    )
    expect(opened.notice).to_have_text("Slower, please.")
    expect(opened.base.phase).to_have_text("Writing")
