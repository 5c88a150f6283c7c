"""`python -m training complexity`: which properties of a task predict what tuning gains."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[2] / "demo"


def add_to(commands: Any) -> None:
    parser = commands.add_parser("complexity", help="which properties of a task predict what tuning gains")
    parser.add_argument("--world", type=Path, default=DEMO, help="directory of base/, adapters/, world.json")
    parser.add_argument("--only", choices=("paper", "world"), help="default: both")
    parser.add_argument("-n", type=int, default=1000, help="training examples a task that are looked at")
    parser.add_argument("--figures", type=Path, help="also draw the SVG pictures into this directory")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from training.complexity.figures import write_figures
    from training.complexity.report import report
    from training.complexity.studies import paper_study, world_study

    studies = []
    if args.only != "world":
        studies.append(paper_study())
    if args.only != "paper":
        studies.append(world_study(args.world, args.n))
    for study in studies:
        print(report(study) + "\n")
        if args.figures:
            for path in write_figures(study, args.figures):
                print(path)
