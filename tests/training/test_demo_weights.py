"""Rebuilding the miniature world in slices: what is asked for, and what is there already."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from training.demo import ADAPTERS, missing_adapters, sensible_parallel


def demo_weights(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "training", "demo-weights", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_a_slice_that_is_none_is_refused_with_those_there_are(tmp_path):
    run = demo_weights("--world", tmp_path, "--only", "drop,nonsense")
    assert run.returncode == 1
    assert "no plan for nonsense; --only takes base, adapters, scores" in run.stderr
    assert not any(tmp_path.iterdir())


def test_adapters_without_a_base_are_refused_with_the_remedy(tmp_path):
    run = demo_weights("--world", tmp_path, "--only", "adapters")
    assert run.returncode == 1
    assert "There is no base in" in run.stderr
    assert "--only base" in run.stderr


def test_an_adapter_counts_as_made_only_by_the_plan_in_the_code(tmp_path):
    assert missing_adapters(tmp_path) == list(ADAPTERS)
    for task, rank in (("drop", ADAPTERS["drop"].rank), ("legal", ADAPTERS["legal"].rank + 1)):
        directory = tmp_path / "adapters" / task
        directory.mkdir(parents=True)
        plan = {**asdict(ADAPTERS[task]), "rank": rank}
        (directory / "training_card.json").write_text(json.dumps({"plan": plan}))
    assert missing_adapters(tmp_path) == [task for task in ADAPTERS if task != "drop"]


@pytest.mark.parametrize(
    ("device", "cores", "expected"),
    [("cpu", 64, 1), ("cuda", 1, 1), ("cuda", 2, 1), ("cuda:1", 12, 8), ("cuda", 64, 10), ("cuda", None, 1)],
)
def test_a_cpu_fine_tunes_one_at_a_time_and_a_gpu_as_many_as_the_cores_can_feed(
    monkeypatch, device, cores, expected
):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert sensible_parallel(device) == expected
