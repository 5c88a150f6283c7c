"""Trainings carried out for real, a few steps each: in a child process, and by a Celery worker."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest
from channels.db import database_sync_to_async

from playground.finetuning import services
from playground.finetuning.models import TrainingJob
from playground.finetuning.runner import JobRunner
from playground.models import Adapter
from tests.playground.test_finetuning_pages import PLAN
from tests.playground.test_real_engine import DEMO
from tests.playground.trainings import checked_job, user
from tests.training.redis_server import RedisServer
from training.run_status import finished_card, read_status

Status = TrainingJob.Status
PATIENCE_SECONDS = 120


@pytest.fixture
def site(scripted, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    settings.LORALAND_WORLD = DEMO
    return settings


@pytest.fixture
async def runner():
    looking = JobRunner()
    yield looking
    await looking.close()


@database_sync_to_async
def queued(name: str = "owner", **changes) -> TrainingJob:
    job = checked_job(user(name))
    services.start(job, "Moods", {**PLAN, "checkpoint_every": 1, "batch": 4, **changes})
    return job


async def until(runner: JobRunner, job: TrainingJob, reached) -> TrainingJob:
    """Lets the runner look until `reached(job, its status on disk)`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        await runner.step()
        await job.arefresh_from_db()
        if reached(job, read_status(job.directory)):
            return job
        assert time.monotonic() < deadline, (job.status, job.message, read_status(job.directory))
        await asyncio.sleep(0.05)


def has_ended(job, status) -> bool:
    return not job.active


def trains(job, status) -> bool:
    return status.step >= 2 and status.state == "running"


async def test_a_job_becomes_an_adapter_of_the_running_engine(site, scripted, runner):
    job = await until(runner, await queued(), has_ended)
    assert (job.status, job.message) == (Status.FINISHED, "")
    adapter = await Adapter.objects.aget(slug=job.slug)
    assert adapter.slug in scripted.registered
    assert (adapter.is_published, adapter.live) == (False, True)
    assert adapter.measured["n"] == 4
    assert await adapter.examples.acount() == 3
    assert finished_card(adapter.directory)["plan"]["rank"] == 4
    status = read_status(job.directory)
    assert [step for step, _ in status.curve][-1] == 6
    assert status.curve[-1][1] < status.curve[0][1]


async def test_jobs_are_done_one_after_the_other(site, runner):
    first, second = await queued("first"), await queued("second")
    await until(runner, first, trains)
    await second.arefresh_from_db()
    assert second.status == Status.QUEUED
    first = await until(runner, first, has_ended)
    second = await until(runner, second, has_ended)
    assert first.ended_at <= second.ended_at
    assert second.status == Status.FINISHED


async def test_a_killed_process_is_said_and_its_work_is_kept(site, runner):
    job = await until(runner, await queued(steps=40), trains)
    runner._process.send_signal(signal.SIGKILL)
    job = await until(runner, job, has_ended)
    assert job.status == Status.FAILED
    assert job.message.startswith("The training process was ended from outside (SIGKILL).")
    assert "press Go on" in job.message
    await database_sync_to_async(services.go_on)(job)
    job = await until(runner, job, has_ended)
    assert job.status == Status.FINISHED
    assert finished_card(job.directory / "adapter")["resumed"] == 1


async def test_a_cancelled_job_stops_after_its_step(site, runner):
    job = await until(runner, await queued(steps=400), trains)
    await database_sync_to_async(services.cancel)(job)
    job = await until(runner, job, has_ended)
    assert job.status == Status.CANCELLED
    assert job.message.startswith("Cancelled after ")
    assert (job.directory / "adapter" / "checkpoint" / "state.pt").is_file()


async def test_when_the_site_stops_a_job_waits_for_the_next_start(site, runner):
    job = await until(runner, await queued(steps=30), trains)
    await runner.close()
    assert read_status(job.directory).state == "waiting"
    job = await until(JobRunner(), job, has_ended)
    assert job.status == Status.FINISHED
    assert finished_card(job.directory / "adapter")["resumed"] == 1


async def test_a_learning_that_goes_astray_is_a_sentence(site, runner):
    job = await queued()
    order = job.directory / "order.json"
    order.write_text(order.read_text().replace(str(DEMO / "base"), "/none"))
    job = await until(runner, job, has_ended)
    assert job.status == Status.FAILED
    assert job.message
    assert str(site.DATA_DIR) not in job.message


async def test_with_a_broker_a_worker_trains(site, runner, tmp_path):
    redis = RedisServer(tmp_path)
    site.LORALAND_BROKER_URL = redis.url
    environment = {**os.environ, "LORALAND_BROKER_URL": redis.url, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "training", "worker", "--device", "cpu"]
    with (tmp_path / "worker.log").open("w") as log:
        worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=site.BASE_DIR)
    try:
        job = await until(runner, await queued(), has_ended)
        assert (job.status, job.message) == (Status.FINISHED, "")
        assert runner._process is None, "the site itself has trained nothing"
    finally:
        worker.kill()
        worker.wait()
        redis.close()


async def test_without_a_reachable_broker_a_job_fails_with_a_sentence(site, runner):
    site.LORALAND_BROKER_URL = "redis://127.0.0.1:1/0"
    job = await until(runner, await queued(), has_ended)
    assert (job.status, job.message) == (
        Status.FAILED,
        "The training queue cannot be reached. Try again later.",
    )
