"""Reloads, lost connections and borrowed addresses: nothing of an answer is lost, nothing comes twice."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.adapter_page import AdapterPage
from tests.browser.scripted_site import BASE_TEXT, SLOWLY


@pytest.fixture
def broken_sockets_expected(visitor):
    visitor.tolerated += ["WebSocket connection to", "net::ERR_"]


def test_a_reload_in_mid_stream_goes_on_where_the_answer_was(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.field("sentence").fill(f"words of my own, {SLOWLY}")
    opened.page.get_by_text("Parameters").click()
    opened.page.get_by_label("Top-k").fill("7")
    opened.run.click()
    opened.base.wait_for_text(" 8")
    opened.page.reload()
    opened.base.wait_until("Writing")
    expect(opened.field("sentence")).to_have_value(f"words of my own, {SLOWLY}")
    expect(opened.page.locator('[name="top_k"]')).to_have_value("7")
    opened.base.wait_until("Finished")
    assert opened.base.read() == BASE_TEXT
    assert opened.adapter.read() == "1"


def test_a_reload_after_the_end_shows_the_whole_run_again(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.run.click()
    opened.base.wait_until("Finished")
    expect(opened.page).to_have_url(re.compile(r"\?run=[0-9a-f]{32}$"))
    opened.page.reload()
    opened.base.wait_until("Finished")
    assert opened.base.read() == BASE_TEXT
    expect(opened.gold).to_have_text("1")
    expect(opened.base.metric("first")).to_have_text("50 ms")


def test_a_run_in_free_text_comes_back_as_free_text(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.page.get_by_label("Free text").check()
    opened.page.get_by_label("Prompt, exactly as sent").fill("just this")
    opened.run.click()
    opened.adapter.wait_until("Finished")
    opened.page.reload()
    opened.adapter.wait_until("Finished")
    expect(opened.page.get_by_label("Prompt, exactly as sent")).to_have_value("just this")


def test_a_cut_line_is_shown_and_the_answer_is_whole_after_it(page, cable, broken_sockets_expected):
    opened = AdapterPage.of(page, cable.address, "glue_sst2")
    opened.field("sentence").fill(SLOWLY)
    opened.run.click()
    opened.base.wait_for_text(" 8")
    cable.cut()
    expect(opened.connection).to_have_attribute("data-state", re.compile("waiting|connecting"))
    expect(opened.connection).to_contain_text("Reconnecting in")
    assert BASE_TEXT.startswith(opened.base.read())  # what was there stays there
    cable.mend()
    expect(opened.connection).to_have_attribute("data-state", "open")
    opened.base.wait_until("Finished")
    assert opened.base.read() == BASE_TEXT
    assert opened.adapter.read() == "1"


def test_a_run_asked_for_without_a_connection_starts_once_there_is_one(page, cable, broken_sockets_expected):
    opened = AdapterPage.of(page, cable.address, "glue_sst2")
    cable.cut()
    expect(opened.connection).not_to_have_attribute("data-state", "open")
    opened.run.click()
    opened.base.wait_until("Sending")
    cable.mend()
    opened.base.wait_until("Finished")
    assert opened.base.read() == BASE_TEXT


def test_a_run_that_never_left_the_page_can_be_called_off(page, cable, broken_sockets_expected):
    opened = AdapterPage.of(page, cable.address, "glue_sst2")
    cable.cut()
    expect(opened.connection).not_to_have_attribute("data-state", "open")
    opened.field("sentence").fill(SLOWLY)
    opened.run.click()
    page.keyboard.press("Escape")
    opened.base.wait_until("Stopped")
    cable.mend()
    expect(opened.connection).to_have_attribute("data-state", "open")
    opened.run.click()
    opened.adapter.wait_until("Finished")  # the socket serves the next run
    opened.stop_all.click()


def test_coming_back_online_reconnects_at_once(page, cable, broken_sockets_expected):
    opened = AdapterPage.of(page, cable.address, "glue_sst2")
    page.context.set_offline(True)
    cable.cut()
    expect(opened.connection).to_have_text("Offline")
    cable.mend()
    page.context.set_offline(False)
    expect(opened.connection).to_have_text("Connected")


def test_a_run_of_another_adapters_page_is_not_shown_here(open_adapter, site):
    opened = open_adapter("glue_sst2")
    opened.run.click()
    opened.base.wait_until("Finished")
    query = opened.page.url.partition("?")[2]
    opened.page.goto(f"{site.address}/adapters/viggo/?{query}")
    expect(opened.notice).to_contain_text("another adapter’s page")
    opened.base.wait_until("Ready")
    expect(opened.page).to_have_url(f"{site.address}/adapters/viggo/")


def test_another_visitors_run_is_not_shown(visitor, site):
    opened = AdapterPage.of(visitor.page(), site.address, "glue_sst2")
    opened.run.click()
    opened.base.wait_until("Finished")
    stranger = visitor.page()
    stranger.goto(opened.page.url)
    seen = AdapterPage(stranger)
    expect(seen.notice).to_contain_text("another visitor started it")
    seen.base.wait_until("Ready")
    assert seen.base.read() == ""
    expect(stranger).to_have_url(f"{site.address}/adapters/glue_sst2/")
