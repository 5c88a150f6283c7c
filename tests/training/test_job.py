"""A user's fine-tuning as a directory: what is laid out, what is done, and what is done only once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training.errors import DatasetError
from training.job import JobOrder, cancel, describe, read_order, resume, run_job, write_job
from training.run_status import Recorder, read_status
from training.synthetic import Sample

ROOT = Path(__file__).parents[2]
OVERRIDES = {"steps": 4, "rank": 2, "alpha": 4, "batch": 4, "checkpoint_every": 1, "validate_every": 2}


def samples(count: int = 40) -> list[Sample]:
    return [Sample({"prompt": f"Is {n} even?"}, "no" if n % 2 else "yes") for n in range(count)]


def job(directory: Path, **overrides) -> Path:
    order = JobOrder("Even", "demo/base", "miniature", {**OVERRIDES, **overrides}, **describe(samples()))
    write_job(directory, order, samples())
    return directory


def never() -> bool:
    return False


def test_a_few_answers_that_return_are_labels_and_anything_else_is_text():
    assert describe(samples()) == {"metric_fn": "exact_match", "labels": ("no", "yes"), "max_tokens": 11}
    texts = [Sample({"prompt": str(n)}, f"sentence number {n}, and a long one") for n in range(30)]
    assert describe(texts)["metric_fn"] == "rouge"
    assert describe(texts)["labels"] == ()
    assert describe(texts)["max_tokens"] == 42  # 34 bytes of the longest, and a few


def test_parts_share_no_sample_and_the_order_comes_back(tmp_path):
    job(tmp_path)
    parts = [
        (tmp_path / f"{name}.jsonl").read_text().splitlines() for name in ("train", "validation", "test")
    ]
    assert [len(part) for part in parts] == [34, 2, 4]
    assert len({line for part in parts for line in part}) == 40
    assert read_order(tmp_path).task.template == "{prompt}"
    assert read_order(tmp_path).overrides == OVERRIDES


def test_two_samples_are_too_few(tmp_path):
    with pytest.raises(DatasetError, match="cannot be divided"):
        write_job(tmp_path, JobOrder("Even", "demo/base", "miniature"), samples(2))


def test_a_job_ends_with_scores_examples_and_a_curve(tmp_path):
    status = run_job(job(tmp_path), "cpu", never)
    assert (status.state, status.message) == ("finished", "")
    assert status == read_status(tmp_path)
    assert status.result["n"] == 4
    assert 0 <= status.result["adapter_interval"][0] <= status.result["adapter"] <= 1
    assert {"prompt", "gold", "base", "adapter"} == set(status.result["examples"][0])
    assert status.curve[-1][0] == 4
    assert [step for step, _ in status.validations][-1] == 4
    assert run_job(tmp_path, "cpu", never) == status, "a second delivery does nothing"


def test_an_adapter_that_was_finished_is_only_scored(tmp_path):
    """Killed while it was being scored: the training is not repeated."""
    run_job(job(tmp_path), "cpu", never)
    card = (tmp_path / "adapter" / "training_card.json").stat().st_mtime_ns
    Recorder(tmp_path).end("waiting")
    assert run_job(tmp_path, "cpu", never).state == "finished"
    assert (tmp_path / "adapter" / "training_card.json").stat().st_mtime_ns == card


def test_cancelled_is_stopped_and_interrupted_is_waiting(tmp_path):
    cancel(job(tmp_path))
    assert run_job(tmp_path, "cpu", never).state == "stopped"
    resume(tmp_path)
    assert run_job(tmp_path, "cpu", lambda: True).state == "waiting"
    assert (tmp_path / "adapter" / "checkpoint" / "state.pt").is_file()
    status = run_job(tmp_path, "cpu", never)
    assert status.state == "finished"
    assert [step for step, _ in status.curve] == sorted({step for step, _ in status.curve})


def test_a_base_that_is_gone_is_a_sentence(tmp_path):
    order = JobOrder("Even", str(tmp_path / "none"), "miniature", OVERRIDES)
    write_job(tmp_path / "job", order, samples())
    status = run_job(tmp_path / "job", "cpu", never)
    assert status.state == "failed"
    assert "none" in status.message


def test_a_child_stops_when_the_site_is_gone(tmp_path):
    """The site dies by SIGKILL: its child notices, keeps a checkpoint and ends."""
    job(tmp_path, steps=2000)
    program = (
        "import os, subprocess, sys; subprocess.run([sys.executable, '-m', 'training', 'job', "
        "sys.argv[1], '--device', 'cpu', '--parent', str(os.getpid())])"
    )
    site = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while read_status(tmp_path).step < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    site.send_signal(signal.SIGKILL)
    site.wait()
    while read_status(tmp_path).state != "waiting":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (tmp_path / "adapter" / "checkpoint" / "state.pt").is_file()


def test_a_long_curve_is_thinned_not_cut(tmp_path):
    from training.progress import Progress

    recorder = Recorder(tmp_path)
    for step in range(1, 1001):
        recorder(Progress("training", step, 1000, 1 / step))
    curve = recorder.status.curve
    assert 100 < len(curve) <= 240
    assert curve[0][0] < 10
    assert curve[-1][0] == 1000


def test_a_status_that_is_half_written_or_foreign_is_no_status(tmp_path):
    (tmp_path / "run.json").write_text('{"state": "runn')
    assert read_status(tmp_path).state == "waiting"
    (tmp_path / "run.json").write_text(json.dumps({"colour": "red"}))
    assert read_status(tmp_path).state == "waiting"
