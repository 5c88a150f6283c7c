"""`python -m training demo-weights`: rebuild the miniature world from nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[2] / "demo"


def add_to(commands: Any) -> None:
    parser = commands.add_parser("demo-weights", help="rebuild the miniature world's base and adapters")
    parser.add_argument("--world", type=Path, default=DEMO)
    parser.add_argument("--only", help="base, adapters, or one task")
    parser.add_argument("--parallel", type=int, default=1, help="fine-tunings at a time")
    parser.add_argument("--device")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from training import demo
    from training.device import best_device

    device = best_device(args.device)
    if args.only in (None, "base"):
        demo.build_base(args.world, device)
    if args.only in (None, "adapters"):
        demo.build_adapters(args.world, device, args.parallel)
    elif args.only != "base":
        demo.build_adapter(args.world, args.only, device)
