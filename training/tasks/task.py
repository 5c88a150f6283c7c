"""What a task is, and how its file is read.

The prompt templates are those of the paper's repository, to the letter: a space or a line break at the end
belongs to the prompt that the public adapters were trained on.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from training.tasks.source import DataSource, Shot

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Field:
    """One placeholder of a template, as a form shows it."""

    name: str
    label: str
    multiline: bool


@dataclass(frozen=True, slots=True)
class Example:
    """Values for the placeholders and the answer expected."""

    title: str
    variables: Mapping[str, str]
    gold: str


@dataclass(frozen=True, slots=True)
class PaperScores:
    """The paper's Table 12: Mistral-7B before and after LoRA, and the two prompted models, from 0 to 1."""

    base: float
    lora: float
    gpt35: float
    gpt4: float


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the paper or of the original site.

    `template` is a `str.format` string over `fields`; `category` is the site's menu, `paper_category` the
    paper's (empty for a task that is not among its 31). `metric` is the paper's word, `metric_fn` the
    function of its repository. `labels` holds the allowed answers where they are a closed set. `hub_id` names
    the public adapter on Mistral-7B ("" when there is none), `on_site` whether the original site had it.
    `max_tokens` and `stop` are the sampling defaults. `data` says where the rows come from (None for a user's
    own task), `shots` are the solved examples that stand in the template.
    """

    id: str
    name: str
    category: str
    paper_category: str
    on_site: bool
    summary: str
    dataset: str
    dataset_url: str
    hub_id: str
    metric: str
    metric_fn: str
    target: str
    labels: tuple[str, ...]
    max_tokens: int
    stop: tuple[str, ...]
    template: str
    fields: tuple[Field, ...]
    examples: tuple[Example, ...]
    paper: PaperScores | None
    note: str = ""
    data: DataSource | None = None
    shots: tuple[Shot, ...] = ()

    def render(self, variables: Mapping[str, str]) -> str:
        """The prompt for these values. Raises `ValueError` naming the fields that are missing or unknown."""
        wanted = {field.name for field in self.fields}
        missing, unknown = wanted - variables.keys(), variables.keys() - wanted
        if missing:
            raise ValueError(f"Task {self.id} needs a value for {', '.join(sorted(missing))}.")
        if unknown:
            raise ValueError(
                f"Task {self.id} has no field {', '.join(sorted(unknown))}; "
                f"its fields are {', '.join(sorted(wanted))}."
            )
        return self.template.format(**variables)


def read_task(path: Path) -> Task:
    """The task that a TOML file defines. Raises `ValueError` with the file's name when it does not fit."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    paper = data.pop("paper", None)
    try:
        task = Task(
            **{
                **data,
                "labels": tuple(data["labels"]),
                "stop": tuple(data["stop"]),
                "fields": tuple(Field(**field) for field in data["fields"]),
                "examples": tuple(
                    Example(each["title"], MappingProxyType(each["variables"]), each["gold"])
                    for each in data.get("examples", ())
                ),
                "paper": PaperScores(**paper) if paper else None,
                "data": DataSource.of(data["data"]),
                "shots": tuple(
                    Shot(MappingProxyType(each["variables"]), each["completion"])
                    for each in data.get("shots", ())
                ),
            }
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a task definition: {error}.") from error
    placeholders = {name for _, name, _, _ in string.Formatter().parse(task.template) if name is not None}
    if placeholders != {field.name for field in task.fields}:
        raise ValueError(f"{path}: the template's placeholders and the fields differ.")
    if task.id != path.stem:
        raise ValueError(f"{path}: the id {task.id!r} should be the file's name.")
    for example in (*task.examples, *task.shots):
        task.render(example.variables)
    return task


@cache
def load_tasks() -> Mapping[str, Task]:
    """All tasks by id, in alphabetical order; read once. Raises `ValueError` or `OSError` for a bad file."""
    return MappingProxyType({path.stem: read_task(path) for path in sorted(DATA.glob("*.toml"))})
