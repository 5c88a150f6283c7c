"""Evaluations through the engine: mixed batches, resuming, rows that do not fit, and the command."""

import json
import shlex
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from training import reproduce
from training.__main__ import main, parser
from training.commands.evaluate import command
from training.errors import TrainingError
from training.evaluate import evaluate, table
from training.metrics import Score, score
from training.questions import GROUP, questions
from training.reproduce import Verdict, report, verdicts
from training.synthetic import Sample, samples
from training.tasks import free_task, load_tasks

DEMO = Path(__file__).parents[2] / "demo"
ADAPTERS = {task: DEMO / "adapters" / task for task in ("glue_sst2", "conllpp")}


def data(count=4):
    return {task: list(samples(task, "test", count)) for task in ADAPTERS}


def rows(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_every_answer_is_written_with_both_scores(tmp_path):
    log, told = tmp_path / "answers.jsonl", []
    comparisons = evaluate(DEMO / "base", ADAPTERS, data(), log, told=lambda *each: told.append(each))
    assert Counter((row["task"], row["by"]) for row in rows(log)) == {
        (task, by): 4 for task in ADAPTERS for by in ("base", "adapter")
    }
    for each in comparisons:
        own = [row for row in rows(log) if (row["task"], row["by"]) == (each.task.id, "adapter")]
        assert each.adapter.mean == pytest.approx(sum(row["score"] for row in own) / 4, abs=1e-4)
        assert each.scores["adapter"]["strict"].mean == pytest.approx(sum(row["strict"] for row in own) / 4)
        assert each.adapter.n == each.base.n == 4
        assert each.lift > 0.5
    assert told[0] == (1, 16)
    assert told[-1] == (16, 16)
    assert "| conllpp | rouge | 4 |" in table(comparisons)


def test_a_broken_run_goes_on_from_its_file(tmp_path):
    log, told = tmp_path / "answers.jsonl", []
    whole = evaluate(DEMO / "base", ADAPTERS, data(), log)
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:5]) + lines[5][:20])  # a kill in the middle of a line
    again = evaluate(DEMO / "base", ADAPTERS, data(), log, told=lambda *each: told.append(each))
    assert [table([each]) for each in again] == [table([each]) for each in whole]
    assert log.read_text().startswith("".join(lines[:5]))
    assert {row["key"] for row in rows(log)} == {json.loads(line)["key"] for line in lines}
    assert len(rows(log)) == 16


def test_answers_of_another_adapter_are_not_taken_for_this_ones(tmp_path):
    log = tmp_path / "answers.jsonl"
    one = {"glue_sst2": data()["glue_sst2"]}
    evaluate(DEMO / "base", ADAPTERS, one, log)
    evaluate(DEMO / "base", {"glue_sst2": DEMO / "adapters" / "viggo"}, one, log)
    assert Counter(row["by"] for row in rows(log)) == {"base": 4, "adapter": 8}


def test_prompts_of_a_task_and_adapter_stand_together_and_tasks_take_turns():
    who = {task: {"base": "b", "adapter": "a"} for task in ADAPTERS}
    asked = list(questions(load_tasks(), data(GROUP + 2), who))
    groups = [(each.task.id, each.by) for each in asked]
    assert len(asked) == 4 * (GROUP + 2)
    changes = [group for group, before in zip(groups, [None, *groups], strict=False) if group != before]
    assert changes == [(task, by) for task in ADAPTERS for by in ("base", "adapter")] * 2


def test_a_row_longer_than_the_context_is_left_out_for_all_and_said(tmp_path):
    long = Sample({"sentence": "dull " * 2000}, "0")
    (each,) = evaluate(DEMO / "base", ADAPTERS, {"glue_sst2": [long, *data()["glue_sst2"]]})
    assert (each.base.n, each.adapter.n, each.left_out) == (4, 4, 1)
    assert "glue_sst2: 1 samples are longer than the context and left out." in table([each])
    with pytest.raises(TrainingError, match="No sample of glue_sst2 fits"):
        evaluate(DEMO / "base", ADAPTERS, {"glue_sst2": [long]})


def test_the_base_alone_can_be_scored_and_tasks_of_ones_own():
    task = replace(free_task("mine"), max_tokens=4)
    (each,) = evaluate(
        DEMO / "base", {}, {"mine": [Sample({"prompt": "The film"}, "x")]}, tasks={"mine": task}
    )
    assert list(each.scores) == ["base"]
    assert "adapter" not in table([each])


@pytest.mark.parametrize(
    ("adapters", "tasks", "message"),
    [
        (
            {"glue_sst2": DEMO / "base"},
            ("glue_sst2",),
            "There is no adapter in .*: adapter_config.json",
        ),
        ({}, ("magicoder",), "magicoder is scored by running .* --run-code"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_before_anything_is_asked(tmp_path, adapters, tasks, message):
    given = {task: [Sample({"sentence": "fine"}, "1")] for task in tasks}
    with pytest.raises(TrainingError, match=message):
        evaluate(DEMO / "base", adapters, given, tmp_path / "log.jsonl")


@pytest.mark.parametrize("content", ['{"prompt": "a"}\n', '{"prompt": "a"}', "notes of mine"])
def test_a_file_of_something_else_is_not_overwritten(tmp_path, content):
    other = tmp_path / "mine.jsonl"
    other.write_text(content)
    with pytest.raises(TrainingError, match=r"mine\.jsonl, line 1 is no answer"):
        evaluate(DEMO / "base", ADAPTERS, data(), other)
    assert other.read_text() == content


def test_a_score_agrees_when_it_is_what_so_few_examples_may_give():
    then = Score(0.98, 0.967, 0.99, 400)
    low, high = Verdict("t", "adapter", score([1.0] * 16), then).expected
    # Five times as wide, and no score is above 1.
    assert (low, high) == (
        pytest.approx(0.98 - 5 * 0.013),
        1.0,
    )
    assert Verdict("t", "adapter", score([1.0] * 16), then).agrees
    apart = Verdict("t", "adapter", score([1.0] * 20 + [0.0] * 20), then)
    assert not apart.agrees
    assert "DIFFERS" in report([apart])
    assert report([apart]).endswith("0 of 1 scores agree with the committed table within the intervals.")


def test_verdicts_cover_base_and_adapter_of_every_task():
    comparisons = evaluate(DEMO / "base", ADAPTERS, data(2))
    measured = json.loads((DEMO / "world.json").read_text())["adapters"]
    found = verdicts(comparisons, {task: measured[task]["measured"] for task in ADAPTERS})
    assert [(each.task, each.by) for each in found] == [
        (task, by) for task in ADAPTERS for by in ("base", "adapter")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("evaluate --endpoint http://x/v1", "--endpoint and --model belong together."),
        ("evaluate --tasks covid --data hub", "The hub does not hold the data of covid"),
        ("evaluate --adapters nowhere", "There is no directory nowhere; give one of adapters"),
        ("evaluate --data x.csv", "--data with a file belongs to one task"),
        ("finetune --task mine --out x --data x.csv", "x.csv cannot be read: No such file"),
        ("finetune --task mine --out x", "There is no synthetic data for mine"),
        ("finetune --task glue_sst2 --out x --config nothing", "There is no configuration nothing"),
    ],
)
def test_a_command_that_cannot_be_done_ends_with_a_sentence(monkeypatch, arguments, message):
    monkeypatch.setattr(sys, "argv", ["training", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert message in str(ended.value)


def test_the_command_scores_the_world_and_reports_on_the_committed_table(monkeypatch, capsys, tmp_path):
    arguments = f"evaluate --demo --tasks conllpp glue_sst2 --out {tmp_path / 'answers.jsonl'}"
    monkeypatch.setattr(sys, "argv", ["training", *arguments.split()])
    monkeypatch.setattr(reproduce, "EXAMPLES", 8)
    main()
    said = capsys.readouterr().out
    assert "| conllpp | adapter | 8 | " in said
    assert "4 of 4 scores agree with the committed table within the intervals." in said
    assert len(rows(tmp_path / "answers.jsonl")) == 32


@pytest.mark.parametrize(
    "line",
    [
        "python -m training evaluate -n 400 --run-code --write",
        "python -m training evaluate --tasks glue_qqp glue_mrpc -n 400 --write",
        "python -m training evaluate --tasks mine --adapters mine=x --base a/b@c --data 'my.csv x' -n 9",
        "python -m training evaluate --demo --run-code",
    ],
)
def test_the_manifest_names_the_command_that_measures_the_same_again(line):
    given = parser().parse_args([*shlex.split(line)[3:], "--out", "answers.jsonl", "--device", "cpu"])
    assert command(given) == line


def test_every_committed_score_comes_with_a_command_that_measures_it():
    for task, entry in json.loads((DEMO / "world.json").read_text())["adapters"].items():
        given = parser().parse_args(shlex.split(entry["measured"]["command"])[3:])
        assert given.n == entry["measured"]["n"]
        assert given.run_code or load_tasks()[task].metric_fn != "humaneval"
        assert given.tasks is None or task in given.tasks
