"""The paper's tables as data: complete, and in agreement with one another where the paper's own are."""

import pytest

from training.paper import (
    paper_scores,
    published_correlations,
    published_means,
    published_tasks,
    tuned_models,
)
from training.tasks import load_tasks


def column(model, kind):
    return [getattr(scores[model], kind) for scores in paper_scores().values()]


def mean(values):
    return sum(values) / len(values)


def test_table_12_has_ten_bases_on_31_tasks_and_two_prompted_models():
    assert len(paper_scores()) == 31
    assert len(tuned_models()) == 10
    for scores in paper_scores().values():
        assert set(scores) == {*tuned_models(), "gpt-3.5-turbo", "gpt-4"}
        assert all(0 <= scores[model].base <= 1 and 0 <= scores[model].tuned <= 1 for model in tuned_models())
        assert scores["gpt-4"].tuned is None


@pytest.mark.parametrize("model", [*tuned_models(), "gpt-3.5-turbo", "gpt-4"])
def test_its_base_means_are_those_of_table_4(model):
    assert mean(column(model, "base")) == pytest.approx(published_means()[model].base, abs=0.002)


@pytest.mark.parametrize("model", [model for model in tuned_models() if model != "gemma-7b-it"])
def test_its_tuned_means_are_those_of_table_4(model):
    assert mean(column(model, "tuned")) == pytest.approx(published_means()[model].tuned, abs=0.002)


def test_the_papers_two_tables_disagree_on_gemma_7b_it():
    assert mean(column("gemma-7b-it", "tuned")) == pytest.approx(0.629, abs=0.001)
    assert published_means()["gemma-7b-it"].tuned == 0.656


def test_tuning_helped_in_301_of_310_cases_as_the_paper_counts():
    better = [
        scores[model].tuned > scores[model].base
        for scores in paper_scores().values()
        for model in tuned_models()
    ]
    assert (sum(better), len(better)) == (301, 310)


def test_the_task_definitions_quote_the_same_scores():
    for name, scores in paper_scores().items():
        quoted = load_tasks()[name].paper
        assert (quoted.base, quoted.lora) == (scores["mistral-7b"].base, scores["mistral-7b"].tuned), name
        assert (quoted.gpt35, quoted.gpt4) == (scores["gpt-3.5-turbo"].base, scores["gpt-4"].base), name


def test_every_task_has_its_published_lengths():
    assert set(published_tasks()) == set(paper_scores())
    for task in published_tasks().values():
        assert task.tokens_min < task.tokens_p95 < task.tokens_max, task.id
        assert load_tasks()[task.id].paper_category == task.category


def test_the_published_correlations_of_the_outcomes_are_symmetric():
    published = published_correlations()
    outcomes = list(published["gpt4"])
    assert len(published) == 14 + len(outcomes)
    for one in outcomes:
        assert published[one][one] == 1
        for other in outcomes:
            assert published[one][other] == published[other][one]
