"""Carries queued trainings out and brings what they make into the engine.

Training never happens in the site's process. Without a broker a child process trains one job at a time, with
a lower priority than the site and one processor less; with one (`LORALAND_BROKER_URL`), workers anywhere do.
Either way the run file in the job's directory says how far it is, and this watches it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys

from channels.db import database_sync_to_async
from django.conf import settings

from inference.request import RequestError
from playground.engine import engine
from playground.finetuning import services
from playground.finetuning.models import TrainingJob
from playground.world import current_world
from training.run_status import is_silent, read_status

logger = logging.getLogger(__name__)
Status = TrainingJob.Status
SECONDS_BETWEEN = 0.5  # while something trains
IDLE_SECONDS = 5.0
STOP_SECONDS = 20.0
NICENESS = 5
ENDED_FROM_OUTSIDE = (
    "The training process was ended from outside ({}). What it had learnt is kept: press Go on, and it "
    "continues from its last checkpoint."
)


class JobRunner:
    """One task of the event loop, between the server's start and stop."""

    def __init__(self) -> None:
        self._task: asyncio.Task | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._job: TrainingJob | None = None  # the one that the child process works on

    def start(self) -> None:
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="training jobs")

    def wake_from_thread(self) -> None:
        """There may be something to do. Does nothing where no runner is running."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)

    async def close(self) -> None:
        """Stops; what trains in a child process stops with a checkpoint and is queued again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def _run(self) -> None:
        while True:
            busy = False
            try:
                busy = await self.step()
            except Exception:
                logger.exception("Looking after the trainings failed; trying again")
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), SECONDS_BETWEEN if busy else IDLE_SECONDS)

    async def step(self) -> bool:
        """Does what there is to do now; returns whether a training is going on or waiting."""
        jobs = await self._active()
        for job in jobs:
            if job.status == Status.RUNNING:
                await self._look_at(job)
        if settings.LORALAND_BROKER_URL:
            for job in jobs:
                if job.status == Status.QUEUED:
                    await self._hand_out(job)
        elif self._process is None or self._process.returncode is not None:
            waiting = next((job for job in jobs if job.status == Status.QUEUED), None)
            if waiting is not None:
                await self._spawn(waiting)
        return bool(jobs)

    @database_sync_to_async
    def _active(self) -> list[TrainingJob]:
        active = TrainingJob.objects.filter(status__in=TrainingJob.ACTIVE)
        return list(active.select_related("owner").order_by("queued_at"))

    @database_sync_to_async
    def _claim(self, job: TrainingJob) -> bool:
        """Whether this process is the one that takes the job on."""
        taken = TrainingJob.objects.filter(pk=job.pk, status=Status.QUEUED).update(status=Status.RUNNING)
        return taken == 1

    async def _spawn(self, job: TrainingJob) -> None:
        if not await self._claim(job):
            return
        command = [sys.executable, "-m", "training", "job", str(job.directory), "--parent", str(os.getpid())]
        command += ["--device", settings.LORALAND_DEVICE]
        try:
            log = await asyncio.to_thread((job.directory / "log.txt").open, "ab")
        except OSError as error:
            await self._end(job, Status.FAILED, f"The training could not be started: {error.strerror}.")
            return
        with log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=settings.BASE_DIR,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) - 1))},
                start_new_session=True,  # Ctrl+C is the site's; it then asks the child to stop in order
                preexec_fn=lambda: os.nice(NICENESS),
            )
        self._job = job
        logger.info("Training %s has begun", job.pk)

    async def _hand_out(self, job: TrainingJob) -> None:
        from training.queue import hand_out_job

        if not await self._claim(job):
            return
        try:
            await asyncio.to_thread(hand_out_job, settings.LORALAND_BROKER_URL, job.directory)
        except OSError as error:
            logger.error("Training %s could not be queued: %s", job.pk, error)
            await self._end(job, Status.FAILED, "The training queue cannot be reached. Try again later.")

    async def _look_at(self, job: TrainingJob) -> None:
        ours = self._job is not None and self._job.pk == job.pk and self._process is not None
        ended_with = self._process.returncode if ours else None
        status = await asyncio.to_thread(read_status, job.directory)  # after the exit: it is the last word
        if status.state == "finished":
            await self._finish(job, status)
        elif status.state == "failed":
            await self._end(job, Status.FAILED, current_world().public(self._public(status.message)))
        elif status.state == "stopped":
            await self._end(job, Status.CANCELLED, f"Cancelled after {status.step} steps.")
        elif ended_with is not None:
            await self._end(job, Status.FAILED, ENDED_FROM_OUTSIDE.format(_cause(ended_with)))
        elif not (ours or settings.LORALAND_BROKER_URL) and (
            status.state == "waiting" or await asyncio.to_thread(is_silent, job.directory)
        ):
            await self._requeue(job)  # left running by a site that has died, and its child with it

    @staticmethod
    def _public(sentence: str) -> str:
        return sentence.replace(f"{settings.DATA_DIR}{os.sep}", "")

    async def _finish(self, job: TrainingJob, status) -> None:
        adapter = await database_sync_to_async(services.finish)(job, status)
        logger.info("Training %s is finished", job.pk)
        try:
            client = await engine.awaited_client()
            await client.load_adapter(adapter.slug, adapter.directory)
        except RequestError as error:
            logger.warning("Adapter %s was refused: %s", adapter.slug, error.message)
            current_world().refused[adapter.slug] = self._public(error.message)

    @database_sync_to_async
    def _end(self, job: TrainingJob, status: str, message: str) -> None:
        services.end(job, status, message)

    @database_sync_to_async
    def _requeue(self, job: TrainingJob) -> None:
        TrainingJob.objects.filter(pk=job.pk, status=Status.RUNNING).update(status=Status.QUEUED)


def _cause(returncode: int) -> str:
    if returncode < 0:
        return signal.Signals(-returncode).name
    return f"exit code {returncode}"


runner = JobRunner()
