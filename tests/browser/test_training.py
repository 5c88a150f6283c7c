"""Train your own, the whole way: an account, a file with a mistake in it, a real training, a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.adapter_page import AdapterPage
from tests.browser.screenshots import SCREENS
from tests.browser.test_appearance import complaints, sideways
from tests.browser.training_page import TrainingPage, write_moods


def looks_right(page: Page) -> None:
    assert complaints(page) == []
    assert sideways(page) <= 0


@pytest.fixture
def moods(tmp_path) -> Path:
    return write_moods(tmp_path)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/train/", "/accounts/login/", "/accounts/sign-up/"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_strangers_pages_are_sound(visitor, demo_site, path, screen, theme):
    page = visitor.page(color_scheme=theme, reduced_motion="reduce", **SCREENS[screen])
    page.goto(demo_site.address + path)
    looks_right(page)


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
    looks_right(page)

    training.upload(moods)
    expect(training.heading("What is in the file")).to_be_visible()
    expect(page.locator(".problems li")).to_have_count(1)
    expect(page.locator(".problems li")).to_contain_text("Line 98")
    looks_right(page)

    name = f"Moods on a {screen}"
    training.start(name)
    training.until_it_trains()
    with training.held_still():
        looks_right(page)

    training.until_it_is_scored()
    base, adapter = (
        float(page.locator(f".score--{kind} .score__figure").inner_text()) for kind in ("base", "adapter")
    )
    assert adapter > base
    looks_right(page)

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
    training.until_it_trains()
    page.get_by_role("button", name="Cancel the training").click()
    expect(training.heading("The training was cancelled")).to_be_visible(timeout=60_000)
    expect(page.locator(".notice")).to_contain_text("Cancelled after")
    looks_right(page)
    page.get_by_role("button", name="Go on").click()
    training.until_it_is_scored()

    page.get_by_text("Delete this training").click()
    looks_right(page)
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("status").filter(has_text="Moods in two halves is deleted.")).to_be_visible()
    expect(page.locator(".job-row")).to_have_count(0)
