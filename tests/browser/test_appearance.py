"""Every page: in both themes, on a phone, for screen readers, without an error in the console."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.adapter_page import AdapterPage

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
PAGES = {
    "catalogue": "/",
    "nothing found": "/?q=none-such",
    "live adapter": "/adapters/glue_sst2/",
    "adapter not installed": "/adapters/magicoder/",
    "not found": "/none-such/",
}
WHAT_IS_WRONG = """async () => {
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];
  const { violations } = await axe.run({ runOnly: rules });
  return violations
    .filter((found) => ["serious", "critical"].includes(found.impact))
    .map((found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""


@pytest.fixture(autouse=True)
def not_found_is_expected(visitor):
    visitor.tolerated.append("404")


def complaints(page: Page) -> list[str]:
    # Through the debugger, as the page's own policy rightly refuses an added script.
    page.evaluate(AXE.read_text() + "\n;0")
    return page.evaluate(WHAT_IS_WRONG)


def sideways(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("address", PAGES.values(), ids=PAGES.keys())
def test_a_page_has_no_serious_accessibility_fault(visitor, site, address, theme):
    page = visitor.page(color_scheme=theme, reduced_motion="reduce")
    page.goto(site.address + address)
    assert complaints(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_finished_comparison_has_no_serious_accessibility_fault(visitor, site, theme):
    opened = AdapterPage.of(visitor.page(color_scheme=theme), site.address, "gsm8k")
    opened.page.locator("summary", has_text="Parameters").click()
    opened.field("question").fill(f"A question asked in the {theme}")
    opened.run.click()
    opened.adapter.wait_until("Failed")
    opened.base.wait_until("Finished")
    opened.page.get_by_text("Exact prompt sent").click()
    assert complaints(opened.page) == []
    opened.page.get_by_role("button", name="View code").click()
    assert complaints(opened.page) == []


@pytest.mark.parametrize("address", PAGES.values(), ids=PAGES.keys())
def test_a_phone_never_scrolls_sideways(visitor, site, address):
    page = visitor.page(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    page.goto(site.address + address)
    assert sideways(page) == 0


def test_a_comparison_on_a_phone_brings_the_panes_into_view(visitor, site):
    phone = visitor.page(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    opened = AdapterPage.of(phone, site.address, "glue_sst2")
    sizes = phone.locator("input:visible, textarea:visible, select:visible")
    for size in sizes.evaluate_all("fields => fields.map(field => getComputedStyle(field).fontSize)"):
        assert size == "16px"  # anything smaller makes a phone zoom in
    opened.run.tap()
    opened.base.wait_until("Finished")
    expect(opened.base.root).to_be_in_viewport()
    opened.page.get_by_role("button", name="View code").tap()
    assert sideways(phone) == 0


def test_the_theme_follows_the_system_until_the_visitor_chooses(visitor, site):
    page = visitor.page(color_scheme="light")
    page.goto(site.address)
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(background)
    assert dark != light
    page.get_by_role("button", name="Switch colour theme").click()
    assert page.evaluate(background) == light
    page.goto(f"{site.address}/adapters/glue_sst2/")
    assert page.evaluate(background) == light
    page.get_by_role("button", name="Switch colour theme").click()
    page.emulate_media(color_scheme="light")  # back to what the system says, whatever it says
    assert page.evaluate(background) == light


def test_a_chosen_theme_is_there_before_the_first_paint(visitor, site):
    page = visitor.page(color_scheme="light")
    page.goto(site.address)
    page.get_by_role("button", name="Switch colour theme").click()
    page.add_init_script("""
        new MutationObserver(() => {
          if (document.body) window.themeAtBody ??= document.documentElement.dataset.theme ?? "none";
        }).observe(document, { childList: true, subtree: true });
    """)
    page.reload()
    assert page.evaluate("window.themeAtBody") == "dark"


def test_motion_stops_for_whoever_asks_for_less(visitor, site):
    page = visitor.page(reduced_motion="reduce")
    page.goto(site.address)
    expect(page.locator(".ride__track")).to_have_count(1)
    expect(page.locator(".ride__car")).to_have_count(0)


def test_the_policy_of_every_page_forbids_inline_script_and_style(page, site):
    for address in PAGES.values():
        policy = page.goto(site.address + address).headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "unsafe-eval" not in policy
        assert page.locator("[style], script:not([src]):not([type='application/json']), style").count() == 0


def test_the_admin_wears_the_sites_colours(page, site):
    page.goto(f"{site.address}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("admin")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#site-name")).to_contain_text("LoRA Land")
    header = page.locator("#header").evaluate("element => getComputedStyle(element).backgroundColor")
    assert header == "rgb(11, 107, 79)"
    page.goto(site.address)
    page.get_by_role("link", name="Admin").click()
    expect(page).to_have_url(f"{site.address}/admin/")
