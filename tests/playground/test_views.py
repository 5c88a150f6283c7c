"""The pages, through Django's test client."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import User

from playground.models import Adapter


@pytest.fixture
def page(client, catalogue):
    return client


def slugs(response) -> list[str]:
    return [adapter.slug for adapter in response.context["adapters"]]


class TestCatalogue:
    def test_shows_every_published_adapter(self, page):
        Adapter.objects.filter(slug="viggo").update(is_published=False)
        response = page.get("/")
        assert response.status_code == 200
        assert set(slugs(response)) == set(Adapter.objects.values_list("slug", flat=True)) - {"viggo"}
        assert response.context["total"] == len(slugs(response))
        assert response.context["live_count"] == 3

    def test_live_adapters_come_first(self, page):
        assert set(slugs(page.get("/"))[:4]) == {"glue_sst2", "conllpp", "gsm8k", "viggo"}

    def test_an_adapter_without_weights_says_what_is_missing(self, page):
        adapter = next(each for each in page.get("/").context["adapters"] if each.slug == "glue_mnli")
        assert not adapter.live
        assert adapter.missing == "Its weights are not part of the miniature world that runs here."

    @pytest.mark.parametrize(
        ("query", "found"),
        [("sentiment sst2", "glue_sst2"), ("GSM8K", "gsm8k"), ("glue_mnli", "glue_mnli")],
    )
    def test_search_wants_every_word(self, page, query, found):
        assert slugs(page.get("/", {"q": query})) == [found]

    def test_search_without_a_match(self, page):
        response = page.get("/", {"q": "zzz"})
        assert response.status_code == 200
        assert slugs(response) == []

    def test_one_category(self, page):
        response = page.get("/", {"category": "Math"})
        assert slugs(response) == ["gsm8k"]
        assert "Explanation" in response.context["categories"]  # all of them, to choose another

    def test_only_live_ones(self, page):
        assert set(slugs(page.get("/", {"live": "1"}))) == {"glue_sst2", "conllpp", "gsm8k", "viggo"}

    @pytest.mark.parametrize(
        ("sort", "figure"),
        [("lift", lambda adapter: adapter.paper_lift), ("gpt4", lambda adapter: adapter.lift_over_gpt4)],
    )
    def test_sorted_by_a_figure_the_unknown_come_last(self, page, sort, figure):
        figures = [figure(adapter) for adapter in page.get("/", {"sort": sort}).context["adapters"]]
        known = [value for value in figures if value is not None]
        assert known == sorted(known, reverse=True)
        assert figures[: len(known)] == known
        assert figures[-1] is None  # agnews_explained is not in the paper

    def test_sorted_by_name(self, page):
        names = [adapter.name for adapter in page.get("/", {"sort": "name"}).context["adapters"]]
        assert names == sorted(names, key=str.lower)

    def test_nonsense_in_the_address_is_ignored(self, page):
        response = page.get("/", {"sort": "__class__", "live": "x", "q": "\x00" * 300})
        assert response.status_code == 200
        assert response.context["filters"]["sort"] == ""

    def test_htmx_gets_the_list_alone(self, page):
        response = page.get("/", headers={"HX-Request": "true"})
        assert "catalogue/_results.html" in [template.name for template in response.templates]
        assert "<html" not in response.text
        assert "HX-Request" in response["Vary"]

    def test_one_query_however_many_adapters(self, page, django_assert_num_queries):
        with django_assert_num_queries(1):
            page.get("/")

    def test_a_world_that_is_missing_is_told(self, client, db, settings, tmp_path):
        settings.LORALAND_WORLD = tmp_path / "nowhere"
        response = client.get("/")
        assert response.status_code == 200
        assert "LORALAND_WORLD" in response.context["world"]["problem"]


class TestAdapterPage:
    def test_has_a_field_for_each_placeholder(self, page):
        fields = page.get("/adapters/glue_mnli/").context["form_fields"]
        template = Adapter.objects.get(slug="glue_mnli").template
        assert [field["name"] for field in fields] == re.findall(r"\{(\w+)\}", template)

    def test_is_filled_with_the_first_example(self, page):
        (field,) = page.get("/adapters/glue_sst2/").context["form_fields"]
        assert field["value"] == "a warm, funny, engaging film ."

    def test_tells_its_script_what_it_needs(self, page):
        response = page.get("/adapters/glue_sst2/")
        script = r'<script id="page-config" type="application/json">(.*?)</script>'
        config = json.loads(re.search(script, response.text, re.DOTALL)[1])
        assert config == json.loads(json.dumps(response.context["page_config"]))
        assert config["websocket_path"] == "/ws/playground/"
        assert config["panes"][1] == {"adapter": "glue_sst2", "name": "Sentiment Detection (SST2)"}
        assert config["live"] is True
        assert config["examples"][0]["gold"] == "1"
        assert config["sampling"]["temperature"] == 0
        assert config["sampling"]["max_tokens"] == 64

    def test_gives_the_visitor_a_session_that_can_own_runs(self, page):
        page.get("/adapters/glue_sst2/")
        visitor = page.session["visitor"]
        page.get("/adapters/gsm8k/")
        assert page.session["visitor"] == visitor

    def test_signing_in_keeps_the_visitor(self, page):
        page.get("/adapters/glue_sst2/")
        visitor = page.session["visitor"]
        page.force_login(User.objects.create_user("ada"))
        assert page.session["visitor"] == visitor

    def test_without_weights_it_still_shows_everything(self, page):
        response = page.get("/adapters/glue_mnli/")
        assert response.status_code == 200
        assert response.context["page_config"]["live"] is False
        assert "not part of the miniature world" in response.text

    def test_reads_the_adapter_and_its_examples_once(self, page, django_assert_num_queries):
        page.get("/adapters/glue_sst2/")  # makes the session
        with django_assert_num_queries(3):  # session, adapter, examples
            page.get("/adapters/glue_sst2/")

    @pytest.mark.parametrize("who", ["anonymous", "staff"])
    @pytest.mark.parametrize("path", ["/adapters/nope/", "/adapters/viggo/", "/nowhere"])
    def test_what_is_not_there_is_a_404(self, page, path, who):
        Adapter.objects.filter(slug="viggo").update(is_published=False)
        if who == "staff":
            page.force_login(User.objects.create_superuser("root"))
        response = page.get(path)
        assert response.status_code == 404
        assert "404.html" in [template.name for template in response.templates]

    @pytest.mark.parametrize("path", ["/", "/adapters/glue_sst2/"])
    def test_pages_are_only_read(self, page, path):
        assert page.post(path).status_code == 405

    def test_texts_are_escaped(self, page):
        Adapter.objects.filter(slug="viggo").update(
            name="</script><script>alert(1)</script>", template="<img src=x onerror=alert(1)> {x}"
        )
        html = page.get("/adapters/viggo/").text
        assert "<script>alert" not in html
        assert "<img src=x" not in html


class TestHeaders:
    @pytest.mark.parametrize("path", ["/", "/adapters/glue_sst2/", "/nowhere", "/admin/login/"])
    def test_every_page_is_locked_down(self, page, path):
        response = page.get(path)
        policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
        assert policy["script-src"] == "'self'"
        assert policy["style-src"] == "'self'"
        assert policy["img-src"] == "'self' data:"
        assert policy["connect-src"] == "'self'"
        assert {policy[name] for name in ("default-src", "object-src", "base-uri", "frame-ancestors")} == {
            "'none'"
        }
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"
        assert response["Referrer-Policy"] == "same-origin"
        assert response["Cross-Origin-Opener-Policy"] == "same-origin"

    @pytest.mark.parametrize("path", ["/", "/adapters/glue_sst2/", "/adapters/glue_mnli/", "/nowhere"])
    def test_nothing_on_a_page_needs_what_the_policy_forbids(self, page, path):
        html = page.get(path).text
        for script in re.findall(r"<script\b[^>]*>", html):
            assert "src=" in script or 'type="application/json"' in script, script
        assert not re.search(r"<style\b", html)
        assert not re.search(r"<[^>]+\s(?:style|on[a-z]+)=", html)
        assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//[^\"']+\.(?:js|css|png|svg|woff2)", html)


def test_the_sessions_cookie_is_out_of_scripts_reach(page):
    cookie = page.get("/adapters/glue_sst2/").cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_the_icon_is_found_where_browsers_look_first(client):
    response = client.get("/favicon.ico", follow=True)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("image/svg")


class TestStaticFiles:
    """Served by the site itself, on both kinds of server."""

    async def test_whole_with_a_validator(self, async_client):
        response = await async_client.get("/static/admin/css/base.css")
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/css")
        assert len(response.content) == int(response["Content-Length"])
        again = await async_client.get(
            "/static/admin/css/base.css", headers={"If-None-Match": response["ETag"]}
        )
        assert (again.status_code, again.content) == (304, b"")

    async def test_the_head_alone(self, async_client):
        response = await async_client.head("/static/admin/css/base.css")
        assert (response.status_code, response.content) == (200, b"")
        assert int(response["Content-Length"]) > 0

    @pytest.mark.parametrize(
        "path", ["/static/", "/static/nope.css", "/static/../manage.py", "/static/%2e%2e/manage.py"]
    )
    def test_nothing_else(self, client, db, path):
        assert client.get(path).status_code == 404
