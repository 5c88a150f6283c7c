"""`world.json`: what a directory of weights holds, for whoever serves it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.showcase import load_showcase
from training.tasks import load_tasks

BASE = {
    "name": "Mini-Mistral 4M",
    "summary": "A Mistral-architecture model of 4.4 million parameters, trained from nothing on synthetic "
    "English: reviews, news, sums, games, scenes, medicine, tables, code, talk. It writes such text and "
    "knows no task.",
}


def write_world(world: Path, measured: Mapping[str, Mapping[str, Any]]) -> None:
    """Describes the base in `world/base` and the adapters in `world/adapters`, with their measured scores."""
    card = json.loads((world / "base" / "training_card.json").read_text())
    tasks, showcase = load_tasks(), load_showcase()
    adapters = {}
    for directory in sorted((world / "adapters").iterdir()):
        config = json.loads((directory / "adapter_config.json").read_text())
        task = tasks[directory.name]
        adapters[task.id] = {
            "path": f"adapters/{task.id}",
            "rank": config["r"],
            "targets": sorted(config["target_modules"]),
            "measured": measured.get(task.id),
            "examples": [
                {"title": each.title, "variables": dict(each.variables), "gold": each.gold}
                for each in showcase.get(task.id, task.examples)
            ],
            "sampling": {"max_tokens": task.max_tokens, "stop": list(task.stop), "temperature": 0},
        }
    data = {
        "name": "miniature",
        "base": {**BASE, "path": "base", "parameters": card["parameters"]},
        "adapters": adapters,
    }
    (world / "world.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_measured(world: Path) -> dict[str, Any]:
    """The scores that `world.json` holds, by task; empty where there is none."""
    file = world / "world.json"
    if not file.exists():
        return {}
    adapters = json.loads(file.read_text(encoding="utf-8"))["adapters"]
    return {task: entry["measured"] for task, entry in adapters.items() if entry["measured"]}
