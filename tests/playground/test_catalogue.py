"""Filling the catalogue: facts follow their sources, an editor's words stay."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.forms.models import model_to_dict

from playground.catalogue import load_catalogue
from playground.models import Adapter, Example, check_template
from tests.playground import worlds


def everything() -> list[dict]:
    return [model_to_dict(row) for model in (Adapter, Example) for row in model.objects.order_by("pk")]


def test_every_task_of_the_site_has_its_adapter(catalogue):
    assert set(Adapter.objects.values_list("slug", flat=True)) == {
        task.id for task in worlds.site_tasks() if task.on_site
    }


def test_facts_come_from_the_task_and_the_world(catalogue):
    adapter = Adapter.objects.get(slug="glue_sst2")
    assert (adapter.paper_base, adapter.paper_lora, adapter.paper_gpt4) == (0.115, 0.959, 0.942)
    assert adapter.paper_lift == pytest.approx(0.844)
    assert adapter.measured == worlds.MEASURED
    assert adapter.measured_lift == pytest.approx(0.962)
    assert adapter.sampling["max_tokens"] == 64
    assert [example.title for example in adapter.examples.all()] == ["A warm review", "A cold review"]


def test_an_adapter_outside_the_paper_has_no_paper_scores(catalogue):
    adapter = Adapter.objects.get(slug="agnews_explained")
    assert adapter.paper_lift is None
    assert adapter.lift_over_gpt4 is None


def test_every_example_fills_its_template(catalogue):
    for example in Example.objects.select_related("adapter"):
        names = {field["name"] for field in example.adapter.fields}
        assert set(example.variables) == names, example.adapter.slug
        prompt = example.adapter.render(example.variables)
        assert all(value in prompt for value in example.variables.values())


def test_every_template_is_plain(catalogue):
    for adapter in Adapter.objects.all():
        adapter.full_clean()


def test_loading_again_changes_nothing(catalogue):
    before = everything()
    loaded = load_catalogue(worlds.site_tasks(), catalogue)
    assert (loaded.created, loaded.updated) == (0, 0)
    assert everything() == before


def test_changed_facts_are_brought_up_to_date(catalogue):
    Adapter.objects.filter(slug="gsm8k").update(paper_base=0.9, template="old", summary="Old.")
    loaded = load_catalogue(worlds.site_tasks(), catalogue)
    assert (loaded.created, loaded.updated) == (0, 1)
    adapter = Adapter.objects.get(slug="gsm8k")
    assert adapter.paper_base == 0.114
    assert "{" in adapter.template
    assert adapter.summary != "Old."


def test_a_changed_example_is_brought_up_to_date_in_its_place(catalogue):
    example = Example.objects.get(title="A warm review")
    Example.objects.filter(pk=example.pk).update(gold="0", variables={})
    load_catalogue(worlds.site_tasks(), catalogue)
    again = Example.objects.get(pk=example.pk)
    assert (again.gold, again.variables) == (example.gold, example.variables)


def test_an_editors_words_and_examples_stay(catalogue):
    Adapter.objects.filter(slug="gsm8k").update(summary="Mine.", customised=["summary"], is_published=False)
    adapter = Adapter.objects.get(slug="gsm8k")
    Example.objects.create(adapter=adapter, title="My own", variables={"question": "?"})
    Example.objects.create(adapter=adapter, title="Gone from the catalogue", from_catalogue=True)
    load_catalogue(worlds.site_tasks(), catalogue)
    adapter.refresh_from_db()
    assert (adapter.summary, adapter.is_published) == ("Mine.", False)
    titles = [example.title for example in adapter.examples.all()]
    assert "My own" in titles
    assert "Gone from the catalogue" not in titles


def test_the_command_says_what_it_did(db, world):
    out = StringIO()
    call_command("load_catalogue", stdout=out)
    total = Adapter.objects.count()
    assert out.getvalue() == f"Catalogue: {total} adapters added, 0 updated, 4 live.\n"


def test_the_command_says_when_there_is_no_world(db, settings, tmp_path):
    settings.LORALAND_WORLD = tmp_path
    err = StringIO()
    call_command("load_catalogue", stdout=StringIO(), stderr=err)
    assert "world.json" in err.getvalue()
    assert Adapter.objects.exists()


@pytest.mark.parametrize("template", ["{a.__class__}", "{a[0]}", "{0}", "{}", "{a!r}", "{a:>9}", "{a", "}"])
def test_a_template_with_more_than_names_is_refused(template):
    with pytest.raises(ValidationError):
        check_template(template)


@pytest.mark.parametrize("template", ["plain", "{a} and {b_2}", '{{"json": {a}}}'])
def test_a_template_of_names_is_accepted(template):
    check_template(template)
