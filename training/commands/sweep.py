"""`python -m training sweep`: hand a grid of runs to the workers, and watch them."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

SECONDS_BETWEEN = 2.0


def add_to(commands: Any) -> None:
    parser = commands.add_parser("sweep", help="train every task on every base, by workers on Redis")
    parser.add_argument("--config", type=Path, required=True, help="a grid, such as configs/paper_grid.toml")
    parser.add_argument("--status", action="store_true", help="only show the table of states")
    parser.add_argument("--no-wait", action="store_true", help="queue the runs and return")
    parser.add_argument("--broker", help="redis://…; default: LORALAND_BROKER_URL, or Redis on this machine")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from training.sweep import read_grid, table

    grid = read_grid(args.config)
    if args.status:
        print(table(grid.runs))
        return
    from training import queue

    if args.broker:
        queue.use_broker(args.broker)
    open_runs = [each for each in grid.runs if not each.finished]
    for each in open_runs:
        each.forget_failure()
    queue.hand_out(open_runs)
    print(f"{len(open_runs)} of {len(grid.runs)} runs are queued; the others are finished.", flush=True)
    if not args.no_wait:
        _watch(open_runs, lambda: table(grid.runs))


def _watch(runs: list[Any], table: Any) -> None:
    """Shows the table until every run has ended: on a terminal at every change, elsewhere when a state has
    changed."""
    shown = None
    while True:
        statuses = [each.status() for each in runs]
        news = statuses if sys.stdout.isatty() else [each.state for each in statuses]
        if news != shown:
            print(("\033[2J\033[H" if sys.stdout.isatty() else "") + table(), flush=True)
            shown = news
        if all(each.state in ("finished", "failed") for each in statuses):
            break
        time.sleep(SECONDS_BETWEEN)
    if any(each.state == "failed" for each in statuses):
        sys.exit("Some runs failed; their sentences are above. The same command tries them again.")
