"""Measuring the committed scores again, and saying whether they came out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from training.metrics import Score, score
from training.reproduce import Verdict

DEMO = Path(__file__).parents[2] / "demo"


def verdict(values: list[float], then: tuple[float, float]) -> Verdict:
    """Against an interval that was measured on as many examples."""
    return Verdict("legal", "adapter", score(values), Score(sum(then) / 2, *then, n=len(values)))


def test_overlapping_intervals_agree_and_others_do_not():
    half = [0.0, 1.0] * 20
    assert verdict(half, (0.55, 0.65)).agrees
    assert not verdict(half, (0.85, 0.95)).agrees
    assert not verdict(half, (0.05, 0.15)).agrees


def test_forty_equal_values_leave_room_for_what_they_did_not_see():
    assert verdict([1.0] * 40, (0.90, 0.97)).agrees
    assert not verdict([1.0] * 40, (0.80, 0.90)).agrees
    assert verdict([0.0] * 40, (0.02, 0.05)).agrees
    assert not verdict([0.0] * 40, (0.10, 0.15)).agrees


@pytest.fixture
def world(tmp_path) -> Path:
    """The demo, with a manifest of its own."""
    for name in ("base", "adapters"):
        (tmp_path / name).symlink_to(DEMO / name)
    (tmp_path / "world.json").write_text((DEMO / "world.json").read_text())
    return tmp_path


def measure_again(world: Path) -> subprocess.CompletedProcess[str]:
    command = ["evaluate", "--demo", "--world", str(world), "--tasks", "legal", "--device", "cpu"]
    return subprocess.run([sys.executable, "-m", "training", *command], capture_output=True, text=True)


def test_the_committed_scores_come_out_again(world):
    run = measure_again(world)
    assert run.returncode == 0, run.stderr
    assert "2 of 2 scores agree with the committed table" in run.stdout


def test_a_score_that_does_not_come_out_fails_the_command(world):
    manifest = json.loads((world / "world.json").read_text())
    manifest["adapters"]["legal"]["measured"].update(adapter=0.5, adapter_interval=[0.45, 0.55])
    (world / "world.json").write_text(json.dumps(manifest))
    run = measure_again(world)
    assert run.returncode == 1
    assert (
        "| legal | adapter | 40 | 1.000 [1.000, 1.000] | 0.500 [0.450, 0.550], n 400 | DIFFERS |"
        in run.stdout
    )
