"""`python -m training evaluate`: score base and adapters through the engine."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[2] / "demo"


def add_to(commands: Any) -> None:
    parser = commands.add_parser("evaluate", help="score base and adapters through the engine")
    parser.add_argument("--world", type=Path, default=DEMO, help="directory of base/ and adapters/")
    parser.add_argument("--task", action="append", help="default: every adapter of the world")
    parser.add_argument(
        "--data", type=Path, help="JSON Lines of variables and completion; default: synthetic"
    )
    parser.add_argument("-n", type=int, default=500, help="examples a task")
    parser.add_argument("--out", type=Path, help="write one JSON line per answer")
    parser.add_argument("--write", action="store_true", help="record the scores in the world's manifest")
    parser.add_argument("--device")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from training.device import best_device
    from training.evaluate import evaluate, table
    from training.examples import read_samples
    from training.synthetic import GENERATORS, samples
    from training.world import read_measured, write_world

    tasks = args.task or sorted(each.name for each in (args.world / "adapters").iterdir())
    if args.data and len(tasks) != 1:
        raise SystemExit("--data belongs to one task; name it with --task.")
    if not args.data and (unknown := [task for task in tasks if task not in GENERATORS]):
        raise SystemExit(f"There is no synthetic data for {', '.join(unknown)}; give --data.")
    data = {
        task: read_samples(args.data)[: args.n] if args.data else list(samples(task, "test", args.n))
        for task in tasks
    }
    adapters = {task: args.world / "adapters" / task for task in tasks}
    with args.out.open("w", encoding="utf-8") if args.out else nullcontext() as log:
        comparisons = evaluate(args.world / "base", adapters, data, log, best_device(args.device))
    print(table(comparisons))
    if args.write:
        command = f"python -m training evaluate -n {args.n}"
        new = {each.task.id: each.to_manifest(command) for each in comparisons}
        write_world(args.world, {**read_measured(args.world), **new})
