"""Servers, the browser, and pages that fail their test when they log an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.adapter_page import AdapterPage
from tests.browser.cable import Cable
from tests.browser.servers import DEMO, SCRIPTED, Site, launch

expect.set_options(timeout=10_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


# Package-wide and not session-wide: while Playwright is open no other event loop can run in this thread.


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory) -> Iterator[Site]:
    """The site with scripted answers."""
    running = Site(SCRIPTED, tmp_path_factory.mktemp("scripted"))
    yield running
    running.close()


@pytest.fixture(scope="package")
def demo_site(tmp_path_factory) -> Iterator[Site]:
    """The site as `make demo` runs it: the real engine and the miniature world."""
    running = Site(DEMO, tmp_path_factory.mktemp("demo"))
    yield running
    running.close()


@pytest.fixture
def cable(site: Site) -> Iterator[Cable]:
    """The way to the scripted site, over a line that can be cut."""
    laid = Cable(site.port)
    yield laid
    laid.close()


class Visitor:
    """Opens pages, each with cookies and storage of its own.

    What a page logs as an error, a breach of the content security policy included, fails the test.
    `tolerated` are pieces of messages that may come.
    """

    def __init__(self, browser: Browser):
        self.browser = browser
        self.contexts = []
        self.errors: list[str] = []
        self.tolerated: list[str] = []

    def page(self, **options) -> Page:
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(10_000)
        self.contexts.append(context)
        return self.watched(context.new_page())

    def watched(self, page: Page) -> Page:
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self.heard(page, message))
        return page

    def heard(self, page: Page, message) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{page.url}: {message.text}")

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        unexpected = [e for e in self.errors if not any(piece in e for piece in self.tolerated)]
        assert not unexpected, unexpected


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    someone = Visitor(browser)
    yield someone
    someone.close()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor.page()


@pytest.fixture
def open_adapter(page: Page, site: Site) -> Callable[[str], AdapterPage]:
    """Opens an adapter's page of the scripted site."""
    return lambda task: AdapterPage.of(page, site.address, task)
