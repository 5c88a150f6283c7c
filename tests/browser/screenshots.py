"""Pictures of every page of the demo, on a desktop and a phone, light and dark.

python -m tests.browser.screenshots              into var/screenshots
python -m tests.browser.screenshots --docs       also those of README and docs, into docs/images
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.adapter_page import AdapterPage
from tests.browser.servers import DEMO, REPOSITORY, Site, launch
from tests.browser.training_page import TrainingPage, write_moods

SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 860}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "device_scale_factor": 2,
    },
}
STILL = {
    "catalogue": "/",
    "nothing-found": "/?q=none-such",
    "train": "/train/",
    "sign-in": "/accounts/login/",
    "404": "/none/",
}
SHOWN_TASK = "conllpp"
DOCUMENTED = ("training-checked", "training-finished")  # docs/train-your-own.md shows them


def compared(page: Page, address: str) -> AdapterPage:
    """A comparison that has run to its end."""
    opened = AdapterPage.of(page, address, SHOWN_TASK)
    opened.run.click()
    expect(opened.adapter.phase).to_have_text("Finished", timeout=60_000)
    expect(opened.base.phase).to_have_text("Finished", timeout=60_000)
    return opened


def picture_training(page: Page, address: str, user: str, picture: Callable[[str], None]) -> None:
    """A training from the upload to its scores, `picture`d in every state."""
    training = TrainingPage(page, address)
    training.sign_up(user)
    with tempfile.TemporaryDirectory() as directory:
        training.upload(write_moods(Path(directory)))
    picture("training-checked")
    training.start("Moods")
    training.until_it_trains()
    picture("training-progress")
    training.until_it_is_scored()
    picture("training-finished")


def picture_everything(browser: Browser, address: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for screen, options in SCREENS.items():
        for theme in ("light", "dark"):
            context = browser.new_context(color_scheme=theme, reduced_motion="reduce", **options)
            page = context.new_page()
            for name, path in STILL.items():
                page.goto(address + path)
                page.screenshot(path=folder / f"{name}-{screen}-{theme}.png", full_page=True)
            compared(page, address)
            page.evaluate("window.scrollTo(0, 0)")
            page.screenshot(path=folder / f"comparison-{screen}-{theme}.png", full_page=True)
            page.get_by_role("button", name="View code").click()
            page.screenshot(path=folder / f"code-{screen}-{theme}.png")
            picture_training(
                page,
                address,
                f"{screen}-{theme}",
                lambda name, page=page, kind=f"{screen}-{theme}": page.screenshot(
                    path=folder / f"{name}-{kind}.png", full_page=True
                ),
            )
            context.close()


def picture_for_readme(browser: Browser, address: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(color_scheme="light", reduced_motion="reduce", **SCREENS["desktop"])
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 980})
    page.goto(address)
    page.screenshot(path=folder / "catalogue.png")
    page.set_viewport_size(SCREENS["desktop"]["viewport"])
    compared(page, address)
    page.screenshot(path=folder / "compare.png")
    picture_training(
        page,
        address,
        "documented",
        lambda name: name in DOCUMENTED and page.screenshot(path=folder / f"{name}.png"),
    )
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path, default=REPOSITORY / "var" / "screenshots")
    parser.add_argument("--docs", action="store_true", help="renew the pictures in docs/images as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        site = Site(DEMO, Path(directory))
        browser = launch(playwright)
        try:
            picture_everything(browser, site.address, arguments.into)
            if arguments.docs:
                picture_for_readme(browser, site.address, REPOSITORY / "docs" / "images")
        finally:
            browser.close()
            site.close()
    print(f"The pictures are in {arguments.into}.")


if __name__ == "__main__":
    main()
