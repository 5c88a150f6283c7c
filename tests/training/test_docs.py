"""The commands and programs of docs/training.md are ones that exist and run."""

import ast
import re
import shlex
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


def test_the_program_for_the_file_writes_one_that_is_read_whole(tmp_path, monkeypatch):
    program = next(text for language, text in BLOCKS if language == "python")
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "page", "exec"), {})
    samples, problems = read_dataset(tmp_path / "tickets.csv")
    assert (len(samples), problems) == (150, [])
    assert {sample.completion for sample in samples} == {"bug", "question", "praise"}


def test_the_other_programs_are_python():
    for language, text in BLOCKS:
        if language == "python":
            ast.parse(text)


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
