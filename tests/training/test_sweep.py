"""The grid: plans with an identity, and workers of which one is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.redis_server import RedisServer
from training import queue
from training.errors import TrainingError
from training.run_status import Recorder, read_status, recorded
from training.sweep import GridRun, carry_out, read_grid, table

ROOT = Path(__file__).parents[2]
TASKS = ["glue_sst2", "conllpp", "gsm8k", "viggo"]


def write_grid(directory: Path, steps: int = 16, **changes) -> Path:
    values = {
        "out": str(directory / "out"),
        "config": "miniature",
        "bases": ["demo/base"],
        "tasks": TASKS,
        **changes,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    lines.append(
        f"overrides = {{ steps = {steps}, batch = 2, train_samples = 40, validation_samples = 2, "
        "checkpoint_every = 2, validate_every = 0, patience = 0 }"
    )
    file = directory / "grid.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def history(run: GridRun) -> list[dict]:
    return [json.loads(line) for line in (run.directory / "history.jsonl").read_text().splitlines()]


def ended(run: GridRun) -> bool:
    """Finished, and its worker has written so into the run's history."""
    return run.finished and history(run)[-1]["event"] == "finished"


class Workers:
    """Worker processes on a Redis of their own; leases are short, so that a test need not wait long."""

    def __init__(self, redis: RedisServer, log: Path):
        self.environment = {
            **os.environ,
            "LORALAND_BROKER_URL": redis.url,
            "LORALAND_LEASE_SECONDS": "4",
            "OMP_NUM_THREADS": "1",
        }
        self.log = log.open("w")
        self.processes: list[subprocess.Popen] = []

    def start(self) -> subprocess.Popen:
        command = [sys.executable, "-m", "training", "worker", "--device", "cpu"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=subprocess.STDOUT
        )
        self.processes.append(process)
        return process

    def sweep(self, grid: Path, *options: str) -> str:
        command = [sys.executable, "-m", "training", "sweep", "--config", str(grid), *options]
        run = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=240
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.log.close()


@pytest.fixture
def redis(tmp_path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def workers(redis, tmp_path) -> Iterator[Workers]:
    team = Workers(redis, tmp_path / "workers.log")
    yield team
    team.close()


def wait_for(what, seconds: float = 120):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.02)
    return found


# Grids


def test_the_papers_grid_has_310_runs():
    grid = read_grid(ROOT / "training" / "configs" / "paper_grid.toml")
    assert len(grid.runs) == 310
    assert len({run.directory for run in grid.runs}) == 310
    assert {run.plan.rank for run in grid.runs} == {8}


def test_a_run_is_known_by_its_plan_base_and_data(tmp_path):
    def first(**changes):
        return read_grid(write_grid(tmp_path, **changes)).runs[0]

    assert first().identity == first(out="elsewhere").identity
    assert len({first().identity, first(config="paper").identity, first(data="hub").identity}) == 3
    assert first().identity != first(bases=["other/base"]).identity
    assert first().directory.name == f"glue_sst2-{first().identity[:12]}"


def test_a_run_named_twice_is_one_run(tmp_path):
    grid = read_grid(write_grid(tmp_path, tasks=["viggo", "viggo"], bases=["demo/base", "demo/base"]))
    assert len(grid.runs) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tasks": ["viggo", "chess"]}, r"grid\.toml names chess; the tasks are"),
        ({"colour": "red"}, r"grid\.toml sets colour; a grid has"),
        ({"config": "none"}, "There is no configuration none"),
        ({"bases": "demo/base"}, r"grid\.toml: bases must be a list of names"),
        ({"bases": []}, r"grid\.toml: bases must be a list of names"),
        ({"bases": [1]}, r"grid\.toml: bases must be a list of names"),
        ({"bases": ["./nowhere"]}, r"grid\.toml: There is no directory \./nowhere"),
        ({"tasks": "viggo"}, r"grid\.toml: tasks must be a list .*, or \"paper\""),
        ({"out": 1}, r"grid\.toml: out must be a text"),
        ({"data": "./none.csv"}, r"grid\.toml: \.?/?none\.csv cannot be read: No such file"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(tmp_path, changes, sentence):
    with pytest.raises(TrainingError, match=sentence):
        read_grid(write_grid(tmp_path, **changes))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ("{ rnk = 3 }", r"grid\.toml: overrides sets rnk, which is not one of rank"),
        ('{ rank = "eight" }', r"grid\.toml: the overrides do not fit: "),
        ("{ steps = 0 }", r"grid\.toml: the overrides do not fit: .*steps must be at least 1"),
        ("3", r"grid\.toml: overrides must be a table"),
    ],
)
def test_overrides_that_make_no_sense_are_the_grids_fault_and_not_the_configurations(
    tmp_path, overrides, sentence
):
    file = write_grid(tmp_path)
    lines = [line for line in file.read_text().splitlines() if not line.startswith("overrides")]
    file.write_text("\n".join([*lines, f"overrides = {overrides}"]))
    with pytest.raises(TrainingError, match=sentence):
        read_grid(file)


def test_a_run_is_another_one_when_the_content_of_its_base_or_data_changes(tmp_path):
    base, data = tmp_path / "base", tmp_path / "data"
    base.mkdir()
    data.mkdir()
    (base / "config.json").write_text("{}")
    (base / "model.safetensors").write_bytes(b"weights")
    (data / "train.csv").write_text("a,b\n")

    def identity(where=data):
        changes = {"bases": [str(base)], "data": str(where), "tasks": ["viggo"]}
        return read_grid(write_grid(tmp_path, **changes)).runs[0].identity

    seen = [identity(), identity(data / "train.csv")]
    assert identity() == seen[0]
    (data / "train.csv").write_text("a,c\n")
    seen += [identity(), identity(data / "train.csv")]
    (data / "train.csv").rename(data / "test.csv")
    seen.append(identity())
    (base / "model.safetensors").write_bytes(b"WEIGHTS")
    seen.append(identity())
    assert len(set(seen)) == 6


def test_a_worker_with_another_base_than_was_handed_out_fails_its_run(tmp_path):
    (run,) = read_grid(write_grid(tmp_path, tasks=["viggo"])).runs
    status = carry_out(replace(run, content="other"), "cpu", lambda: False)
    assert status.state == "failed"
    assert "demo/base or synthetic is not, on this machine, what it was" in status.message


def test_a_queue_that_cannot_be_reached_is_named(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"redis://:secret@127.0.0.1:{unused.getsockname()[1]}/0"
        command = [sys.executable, "-m", "training", "sweep", "--config", str(write_grid(tmp_path))]
        run = subprocess.run([*command, "--broker", address], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith(f"The queue at {address.replace('secret', '**')} cannot be reached.")
    assert "Traceback" not in run.stderr


def test_a_grid_without_bases_is_refused(tmp_path):
    file = tmp_path / "grid.toml"
    file.write_text('out = "x"\ntasks = "paper"\n')
    with pytest.raises(TrainingError, match="does not say bases"):
        read_grid(file)
    with pytest.raises(TrainingError, match="cannot be read"):
        read_grid(tmp_path / "missing.toml")


# States


def test_the_table_counts_states_and_names_what_failed(tmp_path):
    runs = read_grid(write_grid(tmp_path)).runs
    failing, running, finished, _ = runs

    def fail(recorder):
        raise TrainingError("There is no GPU; give --device cpu.")

    recorded(failing.directory, fail)
    Recorder(running.directory)
    finished.directory.mkdir(parents=True)
    for file in ("training_card.json", "adapter_config.json"):
        (finished.directory / file).write_text("{}")
    shown = table(runs)
    assert shown.splitlines()[1].split() == ["demo/base", "1", "1", "1", "1"]
    assert "failed   glue_sst2 on demo/base: There is no GPU; give --device cpu." in shown
    assert "running  conllpp on demo/base: starting" in shown


def test_a_run_whose_process_fell_silent_waits_again(tmp_path):
    run = read_grid(write_grid(tmp_path)).runs[0]
    Recorder(run.directory)
    assert run.status().state == "running"
    long_ago = time.time() - 1000
    os.utime(run.directory / "run.json", (long_ago, long_ago))
    assert run.status().state == "waiting"


def test_an_error_that_nobody_foresaw_is_a_sentence_too(tmp_path):
    def work(recorder):
        raise ZeroDivisionError

    assert "unexpected error ended it (ZeroDivisionError)" in recorded(tmp_path, work).message
    assert read_status(tmp_path).state == "failed"


# Workers


def test_a_killed_workers_run_is_taken_up_and_no_run_is_done_twice(tmp_path, workers):
    """Two workers, four runs; one worker dies by SIGKILL while it trains."""
    grid = write_grid(tmp_path)
    runs = read_grid(grid).runs
    first, second = workers.start(), workers.start()
    workers.sweep(grid, "--no-wait")

    def victims():
        return [
            (run, process)
            for run in runs
            for process in (first, second)
            if (run.directory / "checkpoint" / "state.pt").is_file()
            and not run.finished
            and history(run)[-1]["worker"].startswith(f"training-{process.pid}@")
        ]

    run, process = wait_for(victims)[0]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not run.finished
    wait_for(lambda: all(ended(each) for each in runs), seconds=200)

    for each in runs:
        assert [line["event"] for line in history(each)].count("finished") == 1, each.task
    began = [line["worker"] for line in history(run) if line["event"] == "began"]
    assert len(set(began)) == 2, "the other worker went on with it"
    assert json.loads((run.directory / "training_card.json").read_text())["resumed"] == 1

    # Handing the grid out again does nothing.
    before = {each.task: history(each) for each in runs}
    assert "0 of 4 runs are queued" in workers.sweep(grid)
    assert "demo/base         0         0         4         0" in workers.sweep(grid, "--status")
    assert {each.task: history(each) for each in runs} == before


def test_a_worker_that_is_asked_to_stop_gives_its_run_back(tmp_path, workers):
    grid = write_grid(tmp_path, tasks=["viggo"])
    (run,) = read_grid(grid).runs
    leaving = workers.start()
    workers.sweep(grid, "--no-wait")
    wait_for(lambda: (run.directory / "checkpoint" / "state.pt").is_file())
    leaving.terminate()
    leaving.wait(60)
    assert not run.finished
    assert history(run)[-1]["event"] == "stopped"
    workers.start()
    wait_for(lambda: ended(run))
    assert [line["event"] for line in history(run)] == ["began", "stopped", "began", "finished"]


@pytest.mark.parametrize("happens", ["forget_all", "close"])
def test_a_lease_is_lost_when_redis_forgets_it_or_stays_away(monkeypatch, redis, happens):
    monkeypatch.setattr(queue, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(queue, "connect", redis.client)
    beats: list[float] = []
    with queue.lease("a run", lambda: beats.append(time.monotonic())) as lost:
        assert not lost.wait(1.5), "it is renewed for longer than it lasts"
        assert len(beats) >= 3
        getattr(redis, happens)()
        assert lost.wait(30)


def test_a_run_whose_lease_is_lost_is_never_trained_by_two(tmp_path, redis, workers):
    """Redis forgets everything while a run is trained, and the grid is handed out to another worker."""
    grid = write_grid(tmp_path, tasks=["viggo"], steps=80)
    (run,) = read_grid(grid).runs
    workers.start()
    workers.sweep(grid, "--no-wait")
    wait_for(lambda: (run.directory / "checkpoint" / "state.pt").is_file())
    redis.forget_all()
    workers.start()
    workers.sweep(grid, "--no-wait")
    wait_for(lambda: ended(run), seconds=200)
    events = history(run)
    assert [each["event"] for each in events] == ["began", "stopped", "began", "finished"]
    assert [each["worker"] for each in events[::2]] == [each["worker"] for each in events[1::2]]
    assert json.loads((run.directory / "training_card.json").read_text())["resumed"] == 1
