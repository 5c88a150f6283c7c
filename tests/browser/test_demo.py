"""`make demo` in a browser: the real engine, the miniature base and its trained adapters."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.adapter_page import LONG_ENOUGH, AdapterPage
from tests.browser.servers import REPOSITORY

TRAINED = sorted(json.loads((REPOSITORY / "demo" / "world.json").read_text())["adapters"])


@pytest.fixture
def open_demo(page, demo_site):
    return lambda task: AdapterPage.of(page, demo_site.address, task)


def finish(opened: AdapterPage) -> tuple[str, str]:
    opened.base.wait_until("Finished")
    opened.adapter.wait_until("Finished")
    return opened.base.read(), opened.adapter.read()


def test_the_trained_adapters_are_live(page, demo_site):
    page.goto(f"{demo_site.address}/?live=1")
    for task in TRAINED:
        expect(page.locator(f'.card a[href="/adapters/{task}/"]')).to_be_visible()
    expect(page.locator(".card__scores--measured")).to_have_count(page.locator(".card").count())


@pytest.mark.parametrize("task", ["glue_sst2", "conllpp", "gsm8k", "legal", "hellaswag_processed"])
def test_the_adapter_is_right_where_its_base_is_not(open_demo, task):
    """On one of its examples at least: a small adapter may miss one."""
    opened = open_demo(task)
    verdicts = []
    for example in opened.examples.all():
        example.click()
        opened.run.click()
        finish(opened)
        verdicts.append((opened.base.verdict.inner_text(), opened.adapter.verdict.inner_text()))
        if verdicts[-1] == ("✗ Not right", "✓ Right"):
            break
    assert verdicts[-1] == ("✗ Not right", "✓ Right"), verdicts
    expect(opened.adapter.metric("first")).to_contain_text("s")
    expect(opened.base.metric("tokens")).not_to_have_text("–")


def test_a_reload_loses_and_doubles_nothing_of_the_real_engines_answer(open_demo):
    opened = open_demo("viggo")
    opened.run.click()
    whole = finish(opened)
    assert all(whole)
    opened.run.click()
    expect(opened.base.phase).not_to_have_text("Finished")
    opened.page.reload()
    assert finish(opened) == whole  # greedy: the same prompt has the same answer


def test_stop_ends_a_real_answer_and_keeps_what_was_written(open_demo):
    opened = open_demo("viggo")
    opened.page.locator("summary", has_text="Parameters").click()
    opened.page.get_by_label("Temperature").fill("10")  # hardly ever draws the end
    opened.page.get_by_label("Most tokens").fill("400")
    opened.run.click()
    expect(opened.base.text).not_to_be_empty(timeout=LONG_ENOUGH)
    opened.page.keyboard.press("Escape")
    expect(opened.base.phase).to_have_text("Stopped", timeout=LONG_ENOUGH)
    assert opened.base.read()
