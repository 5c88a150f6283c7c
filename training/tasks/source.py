"""Where a task's real data is: which data set at which revision, which splits, which columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Shot:
    """An example that heads every prompt of the task; a row equal to it is never evaluated."""

    variables: Mapping[str, str]
    completion: str


@dataclass(frozen=True, slots=True)
class DataSource:
    """The data set of a task.

    `hub` is its id on the hub ("" when only a file has it: a Kaggle download, say), `config` a configuration
    of it. `revision` is a branch, tag or commit; `main` follows the hub, and a commit pins it. The hub's own
    `refs/convert/parquet` serves data sets that a script used to build. `train`, `validation` and
    `evaluated` name splits of the data set; those of `evaluated` are scored and never trained on, and where
    there is no other for validation a part of `train` is held out. `rows` names the function of
    `training.tasks.rows` that turns a row into variables and completion; `columns` maps variables (and
    `completion`) to columns of another name, `values` target values to the words of the label space.
    `paper_rows` are the paper's counts by its own names of splits.
    """

    hub: str
    train: tuple[str, ...]
    evaluated: tuple[str, ...]
    validation: tuple[str, ...] = ()
    config: str = ""
    revision: str = "main"
    rows: str = "columns"
    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    configs: tuple[str, ...] = ()
    evaluation_hub: str = ""
    paper_rows: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    @classmethod
    def of(cls, data: Mapping) -> DataSource:
        """From the `[data]` table of a task file. Raises `TypeError` for keys it does not know."""
        values = dict(data)
        for name in ("train", "evaluated", "validation", "configs"):
            if name in values:
                values[name] = tuple(values[name])
        for name in ("columns", "values", "paper_rows"):
            if name in values:
                values[name] = MappingProxyType(dict(values[name]))
        return cls(**values)
