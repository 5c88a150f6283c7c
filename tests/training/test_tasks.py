import subprocess
import sys

import pytest

from training.tasks import load_tasks
from training.tasks.task import DATA, read_task

TASKS = load_tasks()


def test_the_papers_31_tasks_and_the_sites_25_are_there():
    assert len(TASKS) == 32
    assert sum(task.paper is not None for task in TASKS.values()) == 31
    assert sum(task.on_site for task in TASKS.values()) == 25
    assert {task.id for task in TASKS.values() if task.hub_id} == {
        task.id for task in TASKS.values() if task.on_site
    }


def test_the_transcribed_scores_have_the_means_of_the_papers_table_4():
    papers = [task.paper for task in TASKS.values() if task.paper]
    means = [
        round(sum(getattr(p, name) for p in papers) / 31, 3) for name in ("base", "lora", "gpt35", "gpt4")
    ]
    assert means == pytest.approx([0.271, 0.732, 0.599, 0.661], abs=0.002)


@pytest.mark.parametrize(
    ("task", "ending"),
    [
        ("glue_sst2", "if the sentiment of the sentence is positive."),
        ("glue_cola", "\n\nLabel: "),
        ("glue_mnli", "\n\n### Label: "),
        ("conllpp", " Output: "),
        ("viggo", "\nOutput:"),
        ("gsm8k", "\n\nAnswer:"),
        ("legal", "\n\n### Clause Type:\n"),
        ("jigsaw", "\n\n### Comment Text Is Toxic (Yes/No):\n"),
        ("customer_support", "\n\n### Task Type:\n"),
        ("agnews_explained", "\n\n### JSON Response\n\n"),
    ],
)
def test_a_template_ends_exactly_as_the_adapters_were_trained(task, ending):
    assert TASKS[task].template.endswith(ending)
    assert TASKS[task].template == TASKS[task].template.lstrip("\n")


def test_spaces_inside_a_template_survive_editors():
    assert "associated with the \ncategory" in TASKS["conllpp"].template


@pytest.mark.parametrize("task", [task for task in TASKS.values() if task.on_site], ids=lambda task: task.id)
def test_every_task_of_the_site_has_examples_that_render_and_gold_among_its_labels(task):
    assert len(task.examples) >= 2
    for example in task.examples:
        prompt = task.render(example.variables)
        assert all(value in prompt for value in example.variables.values())
        assert example.gold
        assert not task.labels or task.id == "agnews_explained" or example.gold in task.labels


def test_braces_of_the_visitor_are_text():
    prompt = TASKS["glue_sst2"].render({"sentence": "a {strange} film {{indeed}}"})
    assert '"a {strange} film {{indeed}}"' in prompt


def test_a_missing_and_an_unknown_field_are_named():
    with pytest.raises(ValueError, match="needs a value for sentence2"):
        TASKS["glue_mrpc"].render({"sentence1": "One."})
    with pytest.raises(ValueError, match="no field text; its fields are sentence"):
        TASKS["glue_sst2"].render({"sentence": "Fine.", "text": "What?"})


def test_a_template_that_does_not_match_its_fields_is_refused(tmp_path):
    bad = tmp_path / "glue_sst2.toml"
    good = (DATA / bad.name).read_text()
    bad.write_text(good.replace("{sentence}", "{phrase}"))
    with pytest.raises(ValueError, match="placeholders and the fields differ"):
        read_task(bad)


def test_tasks_plans_and_users_files_are_read_without_torch():
    """A web process reads them; importing a deep-learning framework would cost it seconds and memory."""
    program = (
        "import sys, training.tasks, training.plan, training.progress, training.dataset_file, "
        "training.sources; "
        "training.tasks.load_tasks(); training.plan.read_plan('paper', 'any'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
