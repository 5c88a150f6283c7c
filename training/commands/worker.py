"""`python -m training worker`: train what `sweep` and the site have queued."""

from __future__ import annotations

import argparse
import os
from typing import Any


def add_to(commands: Any) -> None:
    parser = commands.add_parser("worker", help="train what is queued on Redis, one run at a time")
    parser.add_argument("--broker", help="redis://…; default: LORALAND_BROKER_URL, or Redis on this machine")
    parser.add_argument("--device", help="cpu, cuda or cuda:N; default: cuda if there is one")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from training import queue

    if args.broker:
        queue.use_broker(args.broker)
    if args.device:
        os.environ[queue.DEVICE] = args.device
    queue.work()
