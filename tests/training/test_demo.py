"""The committed miniature world: its files, its manifest, and the scores it claims."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from training.demo import ADAPTERS, BASE
from training.evaluate import evaluate, table
from training.synthetic import samples, split_of
from training.tasks import load_tasks

DEMO = Path(__file__).parents[2] / "demo"
MANIFEST = json.loads((DEMO / "world.json").read_text())


def card(directory):
    return json.loads((directory / "training_card.json").read_text())


def test_the_manifest_names_the_base_and_the_adapters_that_are_there():
    assert card(DEMO / MANIFEST["base"]["path"])["parameters"] == MANIFEST["base"]["parameters"]
    assert set(MANIFEST["adapters"]) == set(ADAPTERS)
    for entry in MANIFEST["adapters"].values():
        config = json.loads((DEMO / entry["path"] / "adapter_config.json").read_text())
        assert entry["rank"] == config["r"]
        assert sorted(entry["targets"]) == sorted(config["target_modules"])


def test_the_files_are_small_enough_for_a_repository():
    assert (DEMO / "base" / "model.safetensors").stat().st_size <= 9_000_000
    for task in ADAPTERS:
        assert (DEMO / "adapters" / task / "adapter_model.safetensors").stat().st_size <= 360_000
    assert sum(file.stat().st_size for file in DEMO.rglob("*") if file.is_file()) <= 14 * 2**20


def test_the_weights_were_made_by_the_plans_in_the_code():
    assert card(DEMO / "base")["plan"] == asdict(BASE)
    for task, plan in ADAPTERS.items():
        written = card(DEMO / "adapters" / task)["plan"]
        now = {**asdict(plan), "targets": list(plan.targets)}
        assert {"task", "rank", "steps", "seed"} <= set(written)
        assert written == {name: now[name] for name in written}


def test_ranks_and_targets_differ():
    assert len({(plan.rank, plan.targets) for plan in ADAPTERS.values()}) >= 16
    assert {4, 8, 16, 32} <= {plan.rank for plan in ADAPTERS.values()}


def test_every_adapter_of_the_site_has_a_plan():
    assert set(ADAPTERS) == {task.id for task in load_tasks().values() if task.on_site}


@pytest.mark.parametrize("task", sorted(ADAPTERS))
def test_examples_come_from_the_test_split_and_fit_the_template(task):
    examples = MANIFEST["adapters"][task]["examples"]
    assert len(examples) >= 4
    for example in examples:
        assert split_of(example["variables"]) == "test"
        assert load_tasks()[task].render(example["variables"])
        assert example["gold"]


def test_every_prompt_leaves_room_for_its_answer():
    tokenizer = AutoTokenizer.from_pretrained(DEMO / "base")
    for task in ADAPTERS:
        definition = load_tasks()[task]
        for sample in samples(task, "test", 100):
            prompt = len(tokenizer(definition.render(sample.variables))["input_ids"])
            assert len(tokenizer(sample.completion)["input_ids"]) <= definition.max_tokens
            assert prompt + definition.max_tokens <= BASE.context


@pytest.mark.parametrize("task", sorted(ADAPTERS))
def test_the_recorded_scores_show_a_lift_of_thirty_points(task):
    measured = MANIFEST["adapters"][task]["measured"]
    assert measured["n"] >= 300
    assert measured["adapter"] - measured["base"] >= 0.3
    for name in ("base", "adapter"):
        low, high = measured[f"{name}_interval"]
        assert low <= measured[name] <= high
    assert {"metric", "date", "command"} <= set(measured)


def test_the_mean_lift_is_the_papers_headline():
    lifts = [
        entry["measured"]["adapter"] - entry["measured"]["base"] for entry in MANIFEST["adapters"].values()
    ]
    assert sum(lifts) / len(lifts) >= 0.34


def test_recorded_scores_come_out_again_on_a_small_sample(tmp_path):
    data = {task: list(samples(task, "test", 12)) for task in ADAPTERS}
    log = tmp_path / "answers.jsonl"
    adapters = {task: DEMO / "adapters" / task for task in ADAPTERS}
    comparisons = evaluate(DEMO / "base", adapters, data, log, run_code=True)
    for each in comparisons:
        recorded = MANIFEST["adapters"][each.task.id]["measured"]
        assert each.adapter.low - 0.1 <= recorded["adapter"] <= each.adapter.high + 0.1
        assert each.adapter.mean - each.base.mean >= 0.1, table(comparisons)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(rows) == 2 * 12 * len(ADAPTERS)
    endings = [row["finish_reason"] for row in rows if row["by"] == "adapter"]
    assert endings.count("stop") >= 0.95 * len(endings)
