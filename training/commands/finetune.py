"""`python -m training finetune`: train one LoRA adapter."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[2] / "demo"
SHOWN_PROBLEMS = 20


def add_to(commands: Any) -> None:
    parser = commands.add_parser("finetune", help="train one LoRA adapter with PEFT")
    parser.add_argument("--task", required=True, help="a task of the paper; with --data FILE any name")
    parser.add_argument(
        "--base",
        default=DEMO / "base",
        help="a Hugging Face checkpoint directory or hub id (id@revision); default: the miniature",
    )
    parser.add_argument("--config", help="paper (the default with --base), miniature, or a .toml file")
    parser.add_argument("--out", type=Path, required=True, help="directory for the adapter")
    parser.add_argument(
        "--data",
        default="synthetic",
        help="synthetic (the default), hub (the task's own data set), or a CSV, JSONL or parquet file",
    )
    parser.add_argument("--validation", type=Path, help="a file; default: a part of the data held out")
    parser.add_argument("--price-per-hour", type=float, help="of the machine, for the card's cost")
    parser.add_argument("--unserved", action="store_true", help="also bases that our engine cannot serve")
    parser.add_argument("--device", help="cpu, cuda or cuda:N; default: cuda if there is one")
    plan = parser.add_argument_group("overrides of the configuration")
    plan.add_argument("--rank", type=int)
    plan.add_argument("--alpha", type=int, help="default: twice the rank, if --rank is given")
    plan.add_argument("--targets", help="module names, with commas between")
    plan.add_argument("--learning-rate", type=float)
    plan.add_argument("--steps", type=int, help="updates of the weights")
    plan.add_argument("--batch", type=int)
    plan.add_argument("--accumulation", type=int)
    plan.add_argument("--max-length", type=int)
    plan.add_argument("--train-samples", type=int)
    plan.add_argument("--validation-samples", type=int)
    plan.add_argument("--validate-every", type=int)
    plan.add_argument("--patience", type=int)
    plan.add_argument("--checkpoint-every", type=int)
    plan.add_argument("--seed", type=int)
    parser.set_defaults(run=run)


OVERRIDES = (
    "rank",
    "learning_rate",
    "steps",
    "batch",
    "accumulation",
    "max_length",
    "train_samples",
    "validation_samples",
    "validate_every",
    "patience",
    "checkpoint_every",
    "seed",
)


def run(args: argparse.Namespace) -> None:
    from transformers.utils.logging import disable_progress_bar

    from training.device import best_device
    from training.finetune import finetune
    from training.plan import read_plan
    from training.progress import ProgressBar
    from training.sources import training_data

    config = args.config or ("miniature" if args.base == DEMO / "base" else "paper")
    plan = read_plan(
        config,
        args.task,
        alpha=args.alpha or (2 * args.rank if args.rank else None),
        targets=tuple(args.targets.split(",")) if args.targets else None,
        **{name: getattr(args, name) for name in OVERRIDES},
    )
    data = training_data(plan, args.data, args.validation)
    if data.problems:
        told = "\n".join(f"  {problem}" for problem in data.problems[:SHOWN_PROBLEMS])
        print(f"{args.data}: {len(data.problems)} rows are left out:\n{told}", file=sys.stderr)
    disable_progress_bar()  # of loading weights: ours follows at once
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):  # stop after the step, with a checkpoint
        signal.signal(number, lambda received, _: stopping.append(received))
    result = finetune(
        plan,
        args.base,
        data.train,
        data.validation,
        args.out,
        best_device(args.device),
        task=data.task,
        on_progress=ProgressBar(plan.task),
        should_stop=lambda: bool(stopping),
        price_per_hour=args.price_per_hour,
        unserved=args.unserved,
    )
    if left_out := result.card["data"]["left_out"]:
        more = f" and {len(left_out) - SHOWN_PROBLEMS} more" if len(left_out) > SHOWN_PROBLEMS else ""
        print(
            f"Left out, because the completion alone leaves no room in {result.card['data']['limit_tokens']} "
            f"tokens: {', '.join(left_out[:SHOWN_PROBLEMS])}{more}. Shorten them or raise --max-length as "
            "far as the base can read.",
            file=sys.stderr,
        )
    print(
        f"{result.path}: validation loss {result.validation.loss:.4f}, exact {result.validation.exact:.3f}, "
        f"{result.card['steps']} steps in {result.card['seconds']} s"
    )
