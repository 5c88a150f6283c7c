"""`python -m training evaluate`: score base, adapters and any endpoint on the same samples."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.errors import TrainingError

DEMO = Path(__file__).parents[2] / "demo"
CACHE = Path("var/endpoint-answers.jsonl")


def add_to(commands: Any) -> None:
    parser = commands.add_parser("evaluate", help="score base, adapters and any endpoint side by side")
    parser.add_argument("--tasks", "--task", nargs="+", help="default: every adapter there is")
    parser.add_argument(
        "--adapters",
        nargs="+",
        help="a directory of adapters named by their tasks, or TASK=DIRECTORY each; default: the world's",
    )
    parser.add_argument("--base", help="checkpoint directory or hub id (id@revision); default: the world's")
    parser.add_argument(
        "--world", type=Path, default=DEMO, help="directory of base/, adapters/ and world.json"
    )
    parser.add_argument(
        "--data",
        default="synthetic",
        help="synthetic (the default), hub (the tasks' own test data), or for one task a file",
    )
    parser.add_argument("-n", type=int, default=500, help="examples a task")
    parser.add_argument("--out", type=Path, help="JSON Lines of all answers; a broken run goes on from it")
    parser.add_argument("--write", action="store_true", help="record the scores in the world's manifest")
    parser.add_argument(
        "--demo", action="store_true", help="measure the committed scores again on fewer examples and compare"
    )
    parser.add_argument("--run-code", action="store_true", help="run programs that the models write")
    parser.add_argument("--device", help="cpu, cuda or cuda:N; default: cuda if there is one")
    other = parser.add_argument_group("an OpenAI-compatible endpoint beside them")
    other.add_argument("--endpoint", help="its address, such as https://api.openai.com/v1")
    other.add_argument("--model", help="the model's name there; the key is taken from LORALAND_ENDPOINT_KEY")
    other.add_argument("--api", choices=("chat", "completions"), default="chat")
    other.add_argument("--concurrency", type=int, default=8, help="requests at a time")
    other.add_argument(
        "--cache", type=Path, default=CACHE, help=f"where its answers are kept; default: {CACHE}"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from training.device import best_device
    from training.endpoint import Endpoint
    from training.evaluate import evaluate, table
    from training.reproduce import EXAMPLES, report, verdicts
    from training.sources import evaluation_data
    from training.world import read_measured, write_world

    if bool(args.endpoint) != bool(args.model):
        raise TrainingError("--endpoint and --model belong together.")
    measured = read_measured(args.world)
    adapters = _adapters(args.adapters or [str(args.world / "adapters")])
    names = args.tasks or sorted(set(measured) & set(adapters) if args.demo else adapters)
    if args.data not in ("synthetic", "hub") and len(names) != 1:
        raise TrainingError("--data with a file belongs to one task; name it with --tasks.")
    found = {name: evaluation_data(name, args.data, EXAMPLES if args.demo else args.n) for name in names}
    found = _without_code(found, args)
    with tqdm(unit="answer", disable=None, dynamic_ncols=True) as bar:

        def told(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        comparisons = evaluate(
            Path(args.base) if args.base and Path(args.base).is_dir() else args.base or args.world / "base",
            adapters,
            {name: samples for name, (_, samples) in found.items()},
            args.out,
            best_device(args.device),
            tasks={name: task for name, (task, _) in found.items()},
            endpoint=Endpoint(args.endpoint, args.model, args.api, args.concurrency)
            if args.endpoint
            else None,
            cache=args.cache if args.endpoint else None,
            run_code=args.run_code,
            told=told,
        )
    print(table(comparisons))
    if args.demo:
        checked = verdicts(comparisons, measured)
        print(f"\n{report(checked)}")
        if not all(each.agrees for each in checked):
            sys.exit(1)
    if args.write:
        new = {each.task.id: each.to_manifest(command(args)) for each in comparisons}
        write_world(args.world, {**measured, **new})


def command(args: argparse.Namespace) -> str:
    """The command line that measures the same scores again: every option that decides them, but not where
    answers, cache and world lie on this machine, nor its device, which the manifest names by itself."""
    words = ["python", "-m", "training", "evaluate"]
    for name in ("tasks", "adapters"):
        if given := getattr(args, name):
            words += [f"--{name}", *given]
    if args.base:
        words += ["--base", args.base]
    if args.data != "synthetic":
        words += ["--data", args.data]
    words += ["--demo"] if args.demo else ["-n", str(args.n)]
    words += [f"--{name.replace('_', '-')}" for name in ("run_code", "write") if getattr(args, name)]
    return shlex.join(words)


def _adapters(given: Sequence[str]) -> dict[str, Path]:
    """Adapter directories by task."""
    found: dict[str, Path] = {}
    for entry in given:
        name, named, directory = entry.partition("=")
        if named:
            found[name] = Path(directory)
        elif Path(entry).is_dir():
            found.update(
                {each.parent.name: each.parent for each in sorted(Path(entry).glob("*/adapter_config.json"))}
            )
        else:
            raise TrainingError(f"There is no directory {entry}; give one of adapters, or TASK=DIRECTORY.")
    return found


def _without_code(found: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Leaves out, and says so, what would run programs, unless that was allowed or the task was asked for."""
    if args.run_code or args.tasks:
        return found
    code = [name for name, (task, _) in found.items() if task.metric_fn == "humaneval"]
    if code:
        print(f"Left out without --run-code: {', '.join(code)}.", file=sys.stderr)
    return {name: entry for name, entry in found.items() if name not in code}
