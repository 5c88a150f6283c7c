"""The admin: editors change words and publication; facts and runs are there to read."""

from __future__ import annotations

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.urls import reverse

from playground.catalogue import load_catalogue
from playground.models import Adapter, Example, Pane, Run
from tests.playground import worlds

LIST = reverse("admin:playground_adapter_changelist")
RUNS = reverse("admin:playground_run_changelist")


def change(adapter: Adapter) -> str:
    return reverse("admin:playground_adapter_change", args=[adapter.pk])


@pytest.fixture
def staff(client, catalogue):
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def run(catalogue) -> Run:
    run = Run.objects.create(visitor="v" * 32, prompt="Tell me <b>more</b>", sampling={"seed": 1})
    Pane.objects.create(
        run=run, index=0, name="Base", status=Pane.Status.DONE, text="<script>alert(1)</script>"
    )
    return run


def form_data(adapter: Adapter, **changes) -> dict:
    data = {name: getattr(adapter, name) for name in ("name", "category", "summary", "position")}
    data["is_published"] = "on"
    examples = list(adapter.examples.all())
    data |= {
        "examples-TOTAL_FORMS": len(examples),
        "examples-INITIAL_FORMS": len(examples),
        "examples-MIN_NUM_FORMS": 0,
        "examples-MAX_NUM_FORMS": 1000,
    }
    for number, example in enumerate(examples):
        variables = json.dumps(example.variables)
        values = {"id": example.pk, "adapter": adapter.pk, "title": example.title, "variables": variables}
        values |= {"gold": example.gold, "position": example.position}
        data |= {f"examples-{number}-{name}": value for name, value in values.items()}
        data[f"initial-examples-{number}-variables"] = variables
    return {**data, **changes}


@pytest.mark.parametrize("path", [LIST, RUNS, "/admin/"])
def test_only_staff_get_in(client, catalogue, path):
    assert client.get(path).status_code == 302
    client.force_login(User.objects.create_user("ada"))
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_staff_without_the_permission_see_nothing(client, catalogue):
    client.force_login(User.objects.create_user("ada", is_staff=True))
    assert client.get(LIST).status_code == 403


def test_the_list_shows_what_is_live_and_the_scores(staff):
    html = staff.get(LIST).text
    for text in (
        "Sentiment Detection (SST2)",
        "Academic Benchmarks",
        "0.115",
        "0.959",
        "0.942",
        "icon-yes",
        "icon-no",
    ):
        assert text in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"live": "1"}, {"glue_sst2", "conllpp", "gsm8k", "viggo"}),
        ({"category": "Math"}, {"gsm8k"}),
        ({"q": "grade school"}, {"gsm8k"}),
        ({"is_published__exact": "0"}, {"viggo"}),
    ],
    ids=str,
)
def test_filters_and_search(staff, query, found):
    Adapter.objects.filter(slug="viggo").update(is_published=False)
    assert {adapter.slug for adapter in staff.get(LIST, query).context["cl"].result_list} == found


def test_an_editors_words_are_saved_and_survive_a_reload(staff, catalogue):
    adapter = Adapter.objects.get(slug="glue_sst2")
    response = staff.post(change(adapter), form_data(adapter, summary="Good or bad?", template="hacked {x}"))
    assert response.status_code == 302
    load_catalogue(worlds.site_tasks(), catalogue)
    adapter.refresh_from_db()
    assert adapter.summary == "Good or bad?"
    assert adapter.customised == ["summary"]
    assert adapter.template != "hacked {x}"  # a fact, not an editor's to change


def test_an_edited_example_is_the_editors_from_then_on(staff, catalogue):
    adapter = Adapter.objects.get(slug="glue_sst2")
    response = staff.post(change(adapter), form_data(adapter, **{"examples-0-gold": "positive"}))
    assert response.status_code == 302
    load_catalogue(worlds.site_tasks(), catalogue)
    first, second = adapter.examples.all()
    assert (first.gold, first.from_catalogue) == ("positive", False)
    assert second.from_catalogue


def test_an_example_can_be_added(staff):
    adapter = Adapter.objects.get(slug="glue_sst2")
    added = {
        "examples-TOTAL_FORMS": 3,
        "examples-2-adapter": adapter.pk,
        "examples-2-title": "Mine",
        "examples-2-variables": '{"sentence": "so so"}',
        "examples-2-gold": "0",
        "examples-2-position": 3,
    }
    staff.post(change(adapter), form_data(adapter, **added))
    assert Example.objects.get(title="Mine").variables == {"sentence": "so so"}


@pytest.mark.parametrize(("action", "published"), [("unpublish", False), ("publish", True)])
def test_publishing_several_at_once_is_logged(staff, action, published):
    Adapter.objects.filter(slug__in=["gsm8k", "viggo"]).update(is_published=not published)
    chosen = list(Adapter.objects.filter(slug__in=["gsm8k", "viggo"]).values_list("pk", flat=True))
    response = staff.post(LIST, {"action": action, "_selected_action": chosen}, follow=True)
    assert f"2 adapters {action}ed." in response.text
    assert set(Adapter.objects.filter(pk__in=chosen).values_list("is_published", flat=True)) == {published}
    assert LogEntry.objects.count() == 2


def test_an_adapters_page_shows_its_provenance(staff):
    adapter = Adapter.objects.get(slug="glue_sst2")
    html = staff.get(change(adapter)).text
    for text in ("predibase/glue_sst2", "Here, and live.", "{sentence}", "python -m training.evaluate"):
        assert text in html


def test_adapters_cannot_be_added_by_hand(staff):
    assert staff.get(reverse("admin:playground_adapter_add")).status_code == 403


def test_a_run_can_be_read_but_not_changed(staff, run):
    assert "Tell me &lt;b&gt;more" in staff.get(RUNS).text
    page = reverse("admin:playground_run_change", args=[run.pk])
    html = staff.get(page).text
    assert "Tell me &lt;b&gt;more" in html
    assert "<script>alert" not in html
    assert staff.post(page, {"prompt": "x"}).status_code == 403
    assert staff.get(reverse("admin:playground_run_add")).status_code == 403


def test_a_run_does_not_show_its_visitors_name(staff, run):
    page = reverse("admin:playground_run_change", args=[run.pk])
    assert run.visitor not in staff.get(page).text


@pytest.mark.parametrize("path", [LIST, RUNS])
def test_lists_take_the_same_queries_however_long(staff, run, path, django_assert_max_num_queries):
    with django_assert_max_num_queries(10):
        staff.get(path)
