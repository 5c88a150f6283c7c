"""An adapter's page as a test speaks of it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

LONG_ENOUGH = 30_000  # milliseconds


class Pane:
    def __init__(self, root: Locator):
        self.root = root
        self.text = root.locator("[data-text]")
        self.phase = root.locator("[data-phase-text]")
        self.verdict = root.locator("[data-verdict]")
        self.error = root.locator("[data-error]")
        self.stop = root.locator("[data-stop]")
        self.retry = root.locator("[data-retry]")
        self.jump = root.locator("[data-jump]")
        self.scroll = root.locator("[data-scroll]")

    def metric(self, name: str) -> Locator:
        return self.root.locator(f'[data-metric="{name}"]')

    def read(self) -> str:
        return self.text.evaluate("element => element.textContent")

    def wait_for_text(self, text: str) -> None:
        expect(self.text).to_contain_text(text, timeout=LONG_ENOUGH)

    def wait_until(self, phase: str) -> None:
        expect(self.phase).to_have_text(phase, timeout=LONG_ENOUGH)


class AdapterPage:
    def __init__(self, page: Page):
        self.page = page
        self.base = Pane(page.locator('[data-pane="0"]'))
        self.adapter = Pane(page.locator('[data-pane="1"]'))
        self.examples = page.get_by_role("group", name="Examples").get_by_role("button")
        self.run = page.locator("[data-run]")
        self.stop_all = page.locator("[data-stop-all]")
        self.connection = page.locator("#connection")
        self.form_error = page.locator("[data-form-error]")
        self.notice = page.locator("[data-run-notice]")
        self.gold = page.locator("[data-gold-text]")

    @classmethod
    def of(cls, page: Page, address: str, task: str) -> AdapterPage:
        page.goto(f"{address}/adapters/{task}/")
        opened = cls(page)
        expect(opened.connection).to_have_attribute("data-state", "open")
        return opened

    def field(self, name: str) -> Locator:
        return self.page.locator(f'[data-field="{name}"]')

    def example(self, title: str) -> Locator:
        return self.examples.and_(self.page.get_by_role("button", name=title))
