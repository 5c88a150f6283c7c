"""Train your own, the whole way: an account, a file with a mistake in it, a real training, a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.adapter_page import AdapterPage
from tests.browser.screenshots import SCREENS
from tests.browser.test_appearance import complaints, sideways
from tests.playground.trainings import rows

TRAINED_WITHIN = 240_000  # milliseconds, on a machine that does other things too


class TrainingPage:
    """The pages of one user's training as a test speaks of them."""

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

    def looks_right(self) -> None:
        assert complaints(self.page) == []
        assert sideways(self.page) <= 0


@pytest.fixture
def moods(tmp_path) -> Path:
    """Forty-eight good rows and one without an answer."""
    lines = [f'"{prompt}",{completion}' for prompt, completion in rows(48)]
    file = tmp_path / "moods.csv"
    file.write_text("\n".join(["prompt,completion", *lines, '"nothing to learn",']) + "\n")
    return file


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/train/", "/accounts/login/", "/accounts/sign-up/"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_strangers_pages_are_sound(visitor, demo_site, path, screen, theme):
    page = visitor.page(color_scheme=theme, reduced_motion="reduce", **SCREENS[screen])
    page.goto(demo_site.address + path)
    assert complaints(page) == []
    assert sideways(page) <= 0


@pytest.mark.parametrize("screen", SCREENS)
def test_from_a_file_to_a_comparison(visitor, demo_site, moods, tmp_path, screen):
    visitor.tolerated.append("422")  # the browser logs the refused file
    page = visitor.page(**SCREENS[screen])
    training = TrainingPage(page, demo_site.address)
    training.sign_up(f"trainer-{screen}")

    notes = tmp_path / "notes.txt"
    notes.write_text("not a table")
    training.upload(notes)
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is neither CSV nor JSON Lines.")
    training.looks_right()

    training.upload(moods)
    expect(training.heading("What is in the file")).to_be_visible()
    expect(page.locator(".problems li")).to_have_count(1)
    expect(page.locator(".problems li")).to_contain_text("Line 98")
    training.looks_right()

    name = f"Moods on a {screen}"
    training.start(name)
    expect(page.locator(".progress__detail")).to_contain_text("Step ", timeout=60_000)
    expect(page.locator(".chart__line")).to_have_count(1, timeout=60_000)
    training.looks_right()

    expect(training.heading("On examples it has not seen")).to_be_visible(timeout=TRAINED_WITHIN)
    base, adapter = (
        float(page.locator(f".score--{kind} .score__figure").inner_text()) for kind in ("base", "adapter")
    )
    assert adapter > base
    training.looks_right()

    page.get_by_role("link", name="Compare with the base").click()
    opened = AdapterPage(page)
    expect(opened.connection).to_have_attribute("data-state", "open")
    opened.run.click()
    opened.adapter.wait_until("Finished")
    opened.base.wait_until("Finished")
    assert opened.adapter.read() in ("good", "bad")
    assert opened.base.read() not in ("good", "bad")

    stranger = visitor.page()
    stranger.goto(f"{demo_site.address}/?q=Moods")
    expect(stranger.get_by_text(name)).to_have_count(0)


def test_a_cancelled_training_goes_on_where_it_was(visitor, demo_site, moods):
    page = visitor.page()
    training = TrainingPage(page, demo_site.address)
    training.sign_up("canceller")
    training.upload(moods)
    training.start("Moods in two halves")
    expect(page.locator(".progress__detail")).to_contain_text("Step ", timeout=60_000)
    page.get_by_role("button", name="Cancel the training").click()
    expect(training.heading("The training was cancelled")).to_be_visible(timeout=60_000)
    expect(page.locator(".notice")).to_contain_text("Cancelled after")
    training.looks_right()
    page.get_by_role("button", name="Go on").click()
    expect(training.heading("On examples it has not seen")).to_be_visible(timeout=TRAINED_WITHIN)

    page.get_by_text("Delete this training").click()
    training.looks_right()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("status").filter(has_text="Moods in two halves is deleted.")).to_be_visible()
    expect(page.locator(".job-row")).to_have_count(0)
