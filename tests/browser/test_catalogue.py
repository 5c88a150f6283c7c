"""The catalogue: what is there, what is live, and finding it with and without JavaScript."""

import re

from playwright.sync_api import expect

LIVE = 4  # adapters of the test world


def cards(page):
    return page.locator(".cards > li")


def test_every_adapter_is_listed_and_says_whether_it_runs_here(page, site):
    page.goto(site.address)
    expect(cards(page)).to_have_count(25)
    expect(page.locator(".card .state--live")).to_have_count(LIVE)
    expect(page.locator(".card__missing").first).to_contain_text("not part of the miniature world")
    expect(page.locator(".figures")).to_contain_text(f"{LIVE} of 25")
    expect(page.locator(".figures")).to_contain_text("5 million parameters")


def test_a_card_keeps_the_papers_scores_apart_from_ours(page, site):
    page.goto(site.address)
    card = cards(page).filter(has_text="Sentiment Detection (SST2)")
    expect(card.get_by_role("region", name="Measured here")).to_contain_text("n = 500")
    expect(card.get_by_role("region", name="Measured here")).to_contain_text("0.974")
    expect(card.get_by_role("region", name="In the paper")).to_contain_text("0.959")
    expect(card.get_by_role("region", name="In the paper")).to_contain_text("GPT-4")


def test_search_narrows_the_list_and_the_address_and_says_how_many(page, site):
    page.goto(site.address)
    page.get_by_label("Search").fill("sentiment")
    expect(page.locator("[data-results-count]")).to_have_text("3 of 25 adapters")
    expect(page).to_have_url(re.compile(r"/\?q=sentiment$"))
    expect(page.locator("#announcer")).to_contain_text("3 of 25 adapters")
    page.reload()
    expect(cards(page)).to_have_count(3)
    expect(page.get_by_label("Search")).to_have_value("sentiment")


def test_filters_work_together_and_going_back_brings_the_list_back(page, site):
    page.goto(site.address)
    page.get_by_label("Live only").check()
    expect(cards(page)).to_have_count(LIVE)
    page.get_by_label("Category").select_option("Math")
    expect(cards(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"category=Math.*live=1"))
    page.go_back()
    expect(cards(page)).to_have_count(LIVE)
    expect(page.get_by_label("Category")).to_have_value("")
    expect(page.get_by_label("Live only")).to_be_checked()


def test_ordering_by_gain_puts_the_largest_first(page, site):
    page.goto(site.address)
    page.get_by_label("Order").select_option("lift")
    expect(cards(page).first).to_contain_text("Customer Support Automation")  # 0.030 to 1.000


def test_nothing_found_says_so_and_offers_the_way_back(page, site):
    page.goto(site.address)
    page.get_by_label("Search").fill("no such thing")
    expect(page.get_by_role("heading", name="No adapter matches")).to_be_visible()
    page.get_by_role("link", name="Show all 25").click()
    expect(cards(page)).to_have_count(25)


def test_the_filters_work_without_javascript(visitor, site):
    page = visitor.page(java_script_enabled=False)
    page.goto(site.address)
    page.get_by_label("Live only").check()
    page.get_by_label("Search").fill("math")
    page.get_by_role("button", name="Apply").click()
    expect(cards(page)).to_have_count(1)


def test_a_card_leads_to_its_adapter(page, site):
    page.goto(site.address)
    cards(page).get_by_role("link", name="Sentiment Detection (SST2)").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sentiment Detection (SST2)")


def test_an_adapter_that_is_not_installed_says_what_is_missing(page, site):
    page.goto(f"{site.address}/adapters/glue_mnli/")
    expect(page.locator("#missing")).to_contain_text("cannot answer here")
    expect(page.get_by_role("button", name="Run")).to_be_disabled()
    expect(page.get_by_label("Premise")).not_to_have_value("")
    page.get_by_role("link", name="See the adapters that are live").click()
    expect(cards(page)).to_have_count(LIVE)


def test_an_address_that_leads_nowhere_has_the_sites_own_page(page, visitor, site):
    visitor.tolerated.append("404")
    answer = page.goto(f"{site.address}/adapters/none-such/")
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("The track ends here")


def test_a_list_that_cannot_be_fetched_says_so_and_recovers(page, visitor, site):
    visitor.tolerated += ["net::ERR_", "htmx:"]
    page.goto(site.address)
    page.route("**/?q=*", lambda route: route.abort())
    page.get_by_label("Search").fill("math")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    page.unroute("**/?q=*")
    page.get_by_label("Search").fill("maths")
    expect(page.get_by_role("alert")).to_be_hidden()
