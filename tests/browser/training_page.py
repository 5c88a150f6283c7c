"""The pages of a user's training as a test speaks of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.playground.moods import rows

TRAINED_WITHIN = 240_000  # milliseconds, on a machine that does other things too


def write_moods(directory: Path) -> Path:
    """A file of forty-eight good rows and one without an answer."""
    lines = [f'"{prompt}",{completion}' for prompt, completion in rows(48)]
    file = directory / "moods.csv"
    file.write_text("\n".join(["prompt,completion", *lines, '"nothing to learn",']) + "\n")
    return file


class TrainingPage:
    def __init__(self, page: Page, address: str):
        self.page, self.address = page, address

    def sign_up(self, name: str) -> None:
        self.page.goto(f"{self.address}/train/")
        self.page.get_by_role("link", name="Make an account").click()
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password", exact=True).fill("correct horse 9")
        self.page.get_by_label("Password confirmation").fill("correct horse 9")
        self.page.get_by_role("button", name="Make the account").click()
        expect(self.page.get_by_role("heading", name="Train your own")).to_be_visible()

    def upload(self, file: Path) -> None:
        self.page.get_by_label("A CSV or JSON Lines file").set_input_files(file)
        self.page.get_by_role("button", name="Check the file").click()

    def start(self, name: str) -> None:
        self.page.get_by_label("Name of the adapter").fill(name)
        self.page.get_by_label("How long").select_option(label="Quick, 60 steps")
        self.page.get_by_role("button", name="Start training").click()

    def heading(self, name: str):
        return self.page.get_by_role("heading", name=name, exact=True)

    def until_it_trains(self) -> None:
        expect(self.page.locator(".progress__detail")).to_contain_text("Step ", timeout=60_000)
        expect(self.page.locator(".chart__line")).to_have_count(1, timeout=60_000)

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """For looking at a training that goes on: the page does not ask for news meanwhile."""
        self.page.route("**/progress", lambda route: None)
        yield
        self.page.unroute("**/progress")
        self.page.reload()

    def until_it_is_scored(self) -> None:
        expect(self.heading("On examples it has not seen")).to_be_visible(timeout=TRAINED_WITHIN)
