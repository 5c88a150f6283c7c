"""Fine-tunings as Celery tasks on Redis: the runs of a grid, and the jobs that the site's users start.

What keeps it right when workers die:

* A message is acknowledged when its task has ended. A killed worker's message becomes visible to the others
  after `VISIBILITY_SECONDS`.
* A run is trained under a lease in Redis that its worker renews. A message that finds the lease taken (a long
  run is redelivered while it trains) waits and looks again; one that finds the run finished ends at once.
* A worker that has lost its lease (Redis was emptied, or could not be reached for as long as the lease
  lasts) stops its training with a checkpoint. Until it has, a lock on the run's directory keeps others off.
* Progress, checkpoints and results are on disk, where workers and site must see the same directories.

Messages are JSON. This module alone imports Celery and the Redis client.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import redis
from celery import Celery, Task
from celery.exceptions import Reject
from celery.worker import state as worker_state
from kombu.exceptions import OperationalError
from kombu.utils.url import maybe_sanitize_url

from training.errors import TrainingError
from training.progress import ShouldStop
from training.run_status import give_sign_of_life
from training.sweep import GridRun, carry_out

logger = logging.getLogger(__name__)
BROKER = "LORALAND_BROKER_URL"
DEVICE = "LORALAND_TRAINING_DEVICE"
LOCK = "lock"  # as `python -m training job` has it
DEFAULT_BROKER = "redis://127.0.0.1:6379/0"
LEASE_SECONDS = float(os.environ.get("LORALAND_LEASE_SECONDS", "30"))
VISIBILITY_SECONDS = 2 * LEASE_SECONDS
LOOK_AGAIN_SECONDS = LEASE_SECONDS / 2

app = Celery("training")
app.conf.update(
    broker_url=os.environ.get(BROKER) or DEFAULT_BROKER,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_SECONDS,
        "unacked_restore_interval": max(1, int(LEASE_SECONDS / 6)),
        "unacked_restore_throttle": 1,
    },
    task_default_queue="training",
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
)


class LeaseTaken(Exception):
    pass


def connect() -> redis.Redis:
    return redis.Redis.from_url(app.conf.broker_url)


@contextmanager
def lease(name: str, beat: Callable[[], None]) -> Iterator[threading.Event]:
    """Holds the run `name` for this process alone; renewed, with a call of `beat`, until the block ends or
    the process dies. The event is set when it is lost: when Redis says so, or could not be reached for
    `LEASE_SECONDS`. Raises `LeaseTaken` when another one has it."""
    client = connect()
    lock = client.lock(f"training:lease:{name}", timeout=LEASE_SECONDS, thread_local=False)
    if not lock.acquire(blocking=False):
        raise LeaseTaken(name)
    over, lost = threading.Event(), threading.Event()

    def renew() -> None:
        renewed = time.monotonic()
        while not lost.is_set() and not over.wait(LEASE_SECONDS / 4):
            beat()
            try:
                lock.reacquire()
                renewed = time.monotonic()
            except redis.exceptions.RedisError as error:
                logger.warning("The lease of %s could not be renewed: %s", name, error)
                gone = isinstance(error, redis.exceptions.LockError)
                if gone or time.monotonic() - renewed >= LEASE_SECONDS:
                    lost.set()

    renewing = threading.Thread(target=renew, name=f"lease {name}", daemon=True)
    renewing.start()
    try:
        yield lost
    finally:
        over.set()
        renewing.join()
        try:
            lock.release()
        except redis.exceptions.RedisError as error:
            logger.warning("The lease of %s could not be given back: %s", name, error)


def _stopping() -> bool:
    """Whether this worker has been asked to end: its training then stops with a checkpoint."""
    return worker_state.should_stop is not None or worker_state.should_terminate is not None


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds the run's directory for this process alone; the kernel gives it back when the process dies.
    Waits for one that has lost its lease and is writing its last checkpoint."""
    with (directory / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:  # a shared file system that knows no locks
            logger.warning("%s cannot be locked: %s", directory, error)
        yield


def _under_lease(task: Task, name: str, directory: Path, work: Callable[[ShouldStop], Any]) -> None:
    """Does `work`, which is told when to stop, unless another worker has the run; then looks again later.
    What was stopped goes back to the queue."""
    lost: threading.Event | None = None
    should_stop = lambda: _stopping() or (lost is not None and lost.is_set())  # noqa: E731
    try:
        with lease(name, lambda: give_sign_of_life(directory)) as lost, locked(directory):
            work(should_stop)
    except LeaseTaken:
        # One message a run waits and looks again; further copies of it are of no use.
        if connect().set(f"training:waiting:{name}", 1, nx=True, px=int(LOOK_AGAIN_SECONDS * 900)):
            raise task.retry(countdown=LOOK_AGAIN_SECONDS, max_retries=None) from None
    if should_stop():
        raise Reject("the worker is stopping, or has lost its lease", requeue=True)


@app.task(name="training.run", bind=True)
def train_run(self: Task, run: dict[str, Any]) -> None:
    """One run of a grid."""
    grid_run = GridRun(**run)
    if grid_run.finished:
        return
    grid_run.directory.mkdir(parents=True, exist_ok=True)

    def work(should_stop: ShouldStop) -> None:
        carry_out(grid_run, device(), should_stop, self.request.hostname)

    _under_lease(self, grid_run.identity, grid_run.directory, work)


@app.task(name="training.job", bind=True)
def train_job(self: Task, directory: str) -> None:
    """One job of the site: see `training.job`."""
    from training.job import run_job

    path = Path(directory)
    if path.is_dir():  # else its owner has deleted it meanwhile
        _under_lease(self, path.name, path, lambda should_stop: run_job(path, device(), should_stop))


def device() -> str:
    from training.device import best_device

    return best_device(os.environ.get(DEVICE))


def use_broker(url: str) -> None:
    app.conf.broker_url = url


def hand_out(runs: list[GridRun]) -> None:
    """Queues the runs. One that is queued or training already is not trained twice. Raises `TrainingError`
    when the broker cannot be reached."""
    try:
        for run in runs:
            train_run.apply_async([asdict(run)], retry=False)
    except (OperationalError, ValueError, KeyError) as error:  # the latter two for what is no address
        raise TrainingError(
            f"The queue at {maybe_sanitize_url(app.conf.broker_url)} cannot be reached. Start a Redis there, "
            f"or give the address of one with --broker or {BROKER}, such as {DEFAULT_BROKER}."
        ) from error


def hand_out_job(broker: str, directory: Path) -> None:
    """Queues a job of the site. Raises `OSError` when the broker cannot be reached."""
    use_broker(broker)
    try:
        train_job.apply_async([str(directory)], retry=False)
    except Exception as error:
        raise OSError(f"The queue at {broker} cannot be reached ({type(error).__name__}).") from error


def work() -> None:
    """Trains what is queued, one after the other, until the process is asked to stop (SIGTERM): then the run
    at hand stops with a checkpoint and goes back to the queue."""
    worker = app.Worker(
        pool="solo",
        concurrency=1,
        hostname=f"training-{os.getpid()}@{socket.gethostname()}",
        loglevel="INFO",
        without_gossip=True,
        without_mingle=True,
    )
    worker.start()
