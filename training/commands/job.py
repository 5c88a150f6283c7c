"""`python -m training job`: carry out one job of the site, in a process of its own."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    parser = commands.add_parser("job", help="carry out a fine-tuning that a user of the site has ordered")
    parser.add_argument("directory", type=Path, help="as `training.job` describes it")
    parser.add_argument("--device", help="cpu, cuda or cuda:N; default: cuda if there is one")
    parser.add_argument("--parent", type=int, help="stop, with a checkpoint, when this process is gone")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from training.device import best_device
    from training.job import run_job

    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: stopping.append(received))

    def should_stop() -> bool:
        return bool(stopping) or (args.parent is not None and os.getppid() != args.parent)

    with (args.directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process at a time; the kernel opens it when that dies
        status = run_job(args.directory, best_device(args.device), should_stop)
    if status.state == "failed":
        sys.exit(status.message)
