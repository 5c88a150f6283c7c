"""The heuristics by hand, the paper's figure recomputed, the linear model on data of a known law."""

import json
import random
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from training.complexity import HEURISTICS, complexity
from training.complexity.figures import write_figures
from training.complexity.heuristics import LABELS, compressibility, similarity
from training.complexity.report import report
from training.complexity.statistics import leave_one_out, leave_one_out_mean, signed, spearman
from training.complexity.studies import LEAST_SQUARES, RIDGE, paper_study, world_study
from training.paper import published_correlations

DEMO = Path(__file__).parents[2] / "demo"
DOCS = DEMO.parent / "docs"
LETTERS = random.Random(5)


def words(text):
    return len(text.split())


# The heuristics


def test_there_are_the_papers_fourteen():
    assert len(HEURISTICS) == 14
    assert set(HEURISTICS) == set(LABELS)
    assert set(HEURISTICS) < set(published_correlations())


def test_lengths_are_of_input_output_and_both_together():
    measured = complexity([("one two", "three"), ("one two three four", "five")], words)
    assert (measured.input_length_mean, measured.input_length_sd) == (3, 1)
    assert (measured.output_length_mean, measured.output_length_sd, measured.output_length_p95) == (1, 0, 1)
    assert (measured.example_length_mean, measured.example_length_sd) == (4, 1)
    assert measured.input_length_p95 == pytest.approx(3.9)  # 95 % of the way from 2 to 4


def test_the_number_of_training_examples_may_be_larger_than_the_sample():
    pairs = [("a", "b"), ("c", "d")]
    assert complexity(pairs, words).train_examples == 2
    assert complexity(pairs, words, train_examples=560_000).train_examples == 560_000


def test_similarity_is_what_the_answer_shares_with_the_prompt():
    assert similarity("the red house", "the red house") == 1
    assert similarity("the red house", "no") == 0
    assert similarity("the red house", "red") == pytest.approx(0.5)  # precision 1, recall 1/3


def test_repetition_compresses_and_noise_does_not():
    noise = "".join(LETTERS.choice("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH") for _ in range(4000))
    assert compressibility("yes or no? " * 100) > 0.95
    assert 0 < compressibility(noise) < 0.35
    assert compressibility("a") == 0
    assert compressibility("") == 0


def test_an_empty_data_set_is_refused():
    with pytest.raises(ValueError, match="the data set is empty"):
        complexity([], words)


# Correlations


@pytest.mark.parametrize("outcome", list(paper_study().outcomes))
def test_the_papers_correlations_come_out_again_to_the_digit(outcome):
    """Twenty-one between outcomes, and those of both heuristics whose values the paper prints."""
    study, published = paper_study(), published_correlations()
    ours = {name: values[outcome] for name, values in study.correlations.items() if name in published}
    ours |= {other: spearman(values, study.outcomes[outcome]) for other, values in study.outcomes.items()}
    assert len(ours) == 9
    for name, r in ours.items():
        assert r == pytest.approx(published[name][outcome], abs=0.0051), name


def test_a_signal_that_never_changes_goes_with_nothing():
    assert spearman([1, 1, 1], [1, 2, 3]) is None
    assert spearman([1, 2], [1, 2]) is None
    assert signed(None) == "–"


def test_correlations_are_written_with_a_true_minus_and_no_negative_zero():
    assert [signed(r) for r in (0.5, -0.256, -0.001)] == ["+0.50", "−0.26", "0.00"]


# The linear model


def test_the_linear_model_finds_a_linear_law():
    rng = random.Random(1)
    xs, ys = [[rng.random() for _ in range(30)] for _ in range(2)]
    outcome = [0.2 + 0.5 * x - 0.3 * y for x, y in zip(xs, ys, strict=True)]
    for penalties, error in ((LEAST_SQUARES, 1e-9), (RIDGE, 0.02)):
        assert leave_one_out({"x": xs, "y": ys}, outcome, penalties).rmse < error
    assert leave_one_out_mean(outcome).rmse > 0.1


def test_no_prediction_has_seen_its_own_task():
    xs = [0.0, 1.0, 2.0, 3.0, 4.0]
    wild = [0.0, 1.0, 2.0, 3.0, 100.0]
    prediction = leave_one_out({"x": xs}, wild, LEAST_SQUARES)
    assert prediction.predicted[4] == pytest.approx(4.0)
    assert leave_one_out_mean(wild).predicted[4] == pytest.approx(1.5)


def test_two_tasks_are_too_few():
    with pytest.raises(ValueError, match="at least three tasks, not 2"):
        leave_one_out({"x": [1.0, 2.0]}, [1.0, 2.0], LEAST_SQUARES)


def test_the_bases_score_helps_to_foresee_the_tuned_one():
    study = paper_study()
    blind, informed = (
        study.predict("mean_tuned", with_base=known, penalties=RIDGE).rmse for known in (False, True)
    )
    assert informed < blind < study.yardstick("mean_tuned").rmse


# The command and its pictures


def test_the_world_study_measures_every_scored_adapter():
    study = world_study(DEMO, examples=20)
    assert len(study.tasks) == 25
    assert set(study.signals) == set(HEURISTICS)
    assert all(
        len(values) == len(study.tasks) for values in (*study.signals.values(), *study.outcomes.values())
    )


def test_the_committed_pictures_show_the_committed_scores():
    entries = json.loads((DEMO / "world.json").read_text())["adapters"]
    drawn = (DOCS / "images/complexity-miniature-lift.svg").read_text()
    for task, entry in entries.items():
        for by, called in (("base", "base"), ("adapter", "tuned")):
            assert f"{task}, {called}: {entry['measured'][by]:.3f}" in drawn
    assert "25 tasks" in (DOCS / "images/complexity-miniature-correlations.svg").read_text()


def test_a_world_without_scores_says_how_to_get_them(tmp_path):
    with pytest.raises(ValueError, match="training evaluate --write"):
        world_study(tmp_path)


def test_pictures_name_every_task_and_follow_the_colour_scheme(tmp_path):
    study = paper_study()
    paths = write_figures(study, tmp_path)
    assert [path.name for path in paths] == [
        f"complexity-paper-{name}.svg" for name in ("correlations", "lift", "predicted")
    ]
    for path in paths:
        drawing = ElementTree.parse(path).getroot()  # well-formed
        assert drawing.get("role") == "img"
        assert "prefers-color-scheme: dark" in path.read_text()
    assert all(f">{task}<" in paths[1].read_text() for task in study.tasks)
    assert all(f"{task}: measured" in paths[2].read_text() for task in study.tasks)


def test_the_report_prints_the_papers_value_beside_ours():
    printed = report(paper_study())
    assert "| example length, p95 | −0.25 (−0.25) |" in printed
    assert "−0.79 (−0.79)" in printed


def test_the_command_prints_both_studies(tmp_path):
    command = [sys.executable, "-m", "training", "complexity", "-n", "20", "--figures", str(tmp_path)]
    run = subprocess.run([*command, "--world", str(DEMO)], capture_output=True, text=True, check=True)
    assert "## paper: 31 tasks" in run.stdout
    assert "## miniature: " in run.stdout
    assert len(list(tmp_path.glob("*.svg"))) == 6
