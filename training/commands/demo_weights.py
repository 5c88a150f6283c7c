"""`python -m training demo-weights`: rebuild the miniature world from nothing, whole or in slices."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.errors import TrainingError

DEMO = Path(__file__).parents[2] / "demo"
SLICES = ("base", "adapters", "scores")


def add_to(commands: Any) -> None:
    parser = commands.add_parser("demo-weights", help="rebuild the miniature world's base and adapters")
    parser.add_argument("--world", type=Path, default=DEMO)
    parser.add_argument(
        "--only",
        metavar="SLICE",
        help="base, adapters, scores, or tasks separated by commas; default: all three slices in this order",
    )
    parser.add_argument(
        "--missing",
        action="store_true",
        help="of the adapters, only those that are not there or that another plan made",
    )
    parser.add_argument("--parallel", type=int, help="fine-tunings at a time; default: by device and cores")
    parser.add_argument("-n", type=int, default=400, help="held-out examples a task for the scores")
    parser.add_argument("--device")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from training import demo
    from training.device import best_device

    device = best_device(args.device)
    parallel = args.parallel or demo.sensible_parallel(device)
    slices = SLICES if args.only is None else (args.only,)
    tasks = list(demo.ADAPTERS)
    if args.only is not None and args.only not in SLICES:
        slices, tasks = ("adapters",), args.only.split(",")
        if unknown := sorted(set(tasks) - set(demo.ADAPTERS)):
            raise TrainingError(
                f"There is no plan for {', '.join(unknown)}; --only takes {', '.join(SLICES)}, "
                f"or some of {', '.join(demo.ADAPTERS)}."
            )
    if "base" in slices:
        _timed("base", lambda: demo.build_base(args.world, device))
    if slices != ("base",) and not (args.world / "base" / "training_card.json").exists():
        raise TrainingError(f"There is no base in {args.world}; build it first with --only base.")
    if "adapters" in slices:
        if args.missing:
            tasks = [task for task in demo.missing_adapters(args.world) if task in tasks]
        if len(tasks) == 1:
            _timed(tasks[0], lambda: demo.build_adapter(args.world, tasks[0], device))
        else:
            _timed("adapters", lambda: demo.build_adapters(args.world, tasks, device, parallel))
    if "scores" in slices:
        _timed("scores", lambda: demo.build_scores(args.world, args.n, device))


def _timed(name: str, build: Callable[[], None]) -> None:
    began = time.monotonic()
    build()
    print(f"{name}: finished after {time.monotonic() - began:.0f} s", flush=True)
