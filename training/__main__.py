"""`python -m training …`: fine-tune, evaluate, and rebuild the miniature world."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path

from training.complexity import command as complexity

DEMO = Path(__file__).parent.parent / "demo"


def _device(name: str | None) -> str:
    import torch

    return name or ("cuda" if torch.cuda.is_available() else "cpu")


def _finetune(args: argparse.Namespace) -> None:
    from training.examples import read_samples
    from training.finetune import AdapterPlan, finetune
    from training.synthetic import samples

    plan = AdapterPlan(
        args.task,
        rank=args.rank,
        alpha=args.alpha or 2 * args.rank,
        targets=tuple(args.targets.split(",")),
        learning_rate=args.learning_rate,
        steps=args.steps,
        batch=args.batch,
        seed=args.seed,
    )
    if args.train:
        train, validation = read_samples(args.train), read_samples(args.validation)
    else:
        train = list(samples(plan.task, "train", plan.train_samples, plan.seed))
        validation = list(samples(plan.task, "validation", plan.validation_samples, plan.seed))
    finetune(plan, args.base, train, validation, args.out, _device(args.device))


def _demo_weights(args: argparse.Namespace) -> None:
    from training import demo

    device = _device(args.device)
    if args.only in (None, "base"):
        demo.build_base(args.world, device)
    if args.only in (None, "adapters"):
        demo.build_adapters(args.world, device, args.parallel)
    elif args.only != "base":
        demo.build_adapter(args.world, args.only, device)


def _evaluate(args: argparse.Namespace) -> None:
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
        comparisons = evaluate(args.world / "base", adapters, data, log, _device(args.device))
    print(table(comparisons))
    if args.write:
        command = f"python -m training evaluate -n {args.n}"
        new = {each.task.id: each.to_manifest(command) for each in comparisons}
        write_world(args.world, {**read_measured(args.world), **new})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    tune = commands.add_parser("finetune", help="train one LoRA adapter with PEFT")
    tune.add_argument("--task", required=True)
    tune.add_argument("--base", type=Path, default=DEMO / "base", help="a Hugging Face checkpoint directory")
    tune.add_argument("--out", type=Path, required=True)
    tune.add_argument(
        "--train", type=Path, help="JSON Lines of variables and completion; default: synthetic data"
    )
    tune.add_argument("--validation", type=Path, help="the same for validation; needed with --train")
    tune.add_argument("--rank", type=int, default=8)
    tune.add_argument("--alpha", type=int, help="default: twice the rank")
    tune.add_argument("--targets", default="q_proj,v_proj")
    tune.add_argument("--learning-rate", type=float, default=2e-3)
    tune.add_argument("--steps", type=int, default=2000)
    tune.add_argument("--batch", type=int, default=64)
    tune.add_argument("--seed", type=int, default=1)
    tune.add_argument("--device")
    tune.set_defaults(run=_finetune)

    weights = commands.add_parser("demo-weights", help="rebuild the miniature world's base and adapters")
    weights.add_argument("--world", type=Path, default=DEMO)
    weights.add_argument("--only", help="base, adapters, or one task")
    weights.add_argument("--parallel", type=int, default=1, help="fine-tunings at a time")
    weights.add_argument("--device")
    weights.set_defaults(run=_demo_weights)

    scores = commands.add_parser("evaluate", help="score base and adapters through the engine")
    scores.add_argument("--world", type=Path, default=DEMO, help="directory of base/ and adapters/")
    scores.add_argument("--task", action="append", help="default: every adapter of the world")
    scores.add_argument(
        "--data", type=Path, help="JSON Lines of variables and completion; default: synthetic"
    )
    scores.add_argument("-n", type=int, default=500, help="examples a task")
    scores.add_argument("--out", type=Path, help="write one JSON line per answer")
    scores.add_argument("--write", action="store_true", help="record the scores in the world's manifest")
    scores.add_argument("--device")
    scores.set_defaults(run=_evaluate)

    complexity.add_command(commands, DEMO)
    return parser


def main() -> None:
    parser = _parser()
    args = parser.parse_args()
    if args.command == "finetune" and bool(args.train) != bool(args.validation):
        parser.error("--train and --validation belong together.")
    args.run(args)


if __name__ == "__main__":
    main()
