"""`python -m training …`: fine-tune, evaluate, and rebuild the miniature world."""

from __future__ import annotations

import argparse
import sys

from training.commands import complexity, demo_weights, evaluate, finetune, job, sweep, worker
from training.errors import TrainingError


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = described.add_subparsers(dest="command", required=True)
    for command in (finetune, evaluate, complexity, sweep, worker, job, demo_weights):
        command.add_to(commands)
    return described


def main() -> None:
    args = parser().parse_args()
    try:
        args.run(args)
    except TrainingError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped.")


if __name__ == "__main__":
    main()
