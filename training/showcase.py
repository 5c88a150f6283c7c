"""Examples that show the miniature adapters' work to visitors, all from the test split."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from training.tasks import Example

FILE = Path(__file__).parent / "showcase.toml"


@cache
def load_showcase() -> Mapping[str, tuple[Example, ...]]:
    """Examples by task."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {task: tuple(Example(**entry) for entry in entries) for task, entries in data.items()}
