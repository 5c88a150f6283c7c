"""The commands and programs of docs/training.md are ones that exist and run."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from training.__main__ import parser
from training.dataset_file import read_dataset
from training.plan import read_plan

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/training.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    line.removeprefix("python -m training ")
    for language, text in BLOCKS
    if language == "sh"
    for line in text.splitlines()
    if line.startswith("python -m training ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command):
    arguments = parser().parse_args(shlex.split(command))
    assert callable(arguments.run)


def test_from_the_file_to_a_served_adapter_the_page_does_what_it_says(tmp_path):
    """Its programs and its commands for `tickets.csv`, one after the other, as a reader would run them."""
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    write_the_file, serve = (text for language, text in BLOCKS if language == "python")
    train, score = (line for line in COMMANDS if "--data tickets.csv" in line and "--base" not in line)

    def run(*command: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("-c", write_the_file)
    samples, problems = read_dataset(tmp_path / "tickets.csv")
    assert (len(samples), problems) == (150, [])
    assert {sample.completion for sample in samples} == {"bug", "question", "praise"}

    assert re.search(
        r"validation loss 0\.0\d+, exact 1\.000, 60 steps", run("-m", "training", *shlex.split(train))
    )
    card = json.loads((tmp_path / "var/tickets/training_card.json").read_text())
    assert card["loss"][-1][1] < 0.2 * card["loss"][0][1]

    scores = next(
        line for line in run("-m", "training", *shlex.split(score)).splitlines() if "tickets" in line
    )
    base, adapter = (float(cell.split()[0]) for cell in scores.split(" | ")[3:5])
    assert base < 0.2
    assert adapter > 0.8
    answers = [json.loads(line) for line in (tmp_path / "var/tickets.jsonl").read_text().splitlines()]
    assert len(answers) == 30, "a tenth of the rows, by base and adapter"

    assert run("-c", serve).strip() == "bug"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("rank, targets", lambda plan: f"{plan.rank} on `q_proj` and `v_proj`"),
        ("alpha", lambda plan: str(plan.alpha)),
        ("batch", lambda plan: f"{plan.batch} × {plan.accumulation} accumulated"),
        ("steps", lambda plan: f"{plan.steps:,} updates"),
        ("schedule", lambda plan: f"cosine with {plan.warmup:.0%} warm-up".replace("%", " %")),
        ("dropout", lambda plan: f"{plan.dropout:g}"),
    ],
)
def test_the_table_says_what_the_configuration_says(row, expected):
    cells = next(line.split(" | ") for line in PAGE.splitlines() if line.startswith(f"| {row} |"))
    assert cells[1] == expected(read_plan("paper", "any"))
