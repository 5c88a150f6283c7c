"""A small world for tests: a base and four adapters whose weight files exist but are never read, because the
engine is scripted."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from django.conf import settings

from playground.catalogue import load_catalogue
from playground.engine import engine
from playground.world import World, read_world
from tests.playground.scripted_client import Script, ScriptedClient
from training.tasks import Task, load_tasks

MEASURED = {
    "metric": "accuracy",
    "n": 500,
    "base": 0.012,
    "base_interval": [0.004, 0.026],
    "adapter": 0.974,
    "adapter_interval": [0.956, 0.986],
    "date": "2026-11-23",
    "command": "python -m training.evaluate --task glue_sst2",
}
ENTRIES = {
    "glue_sst2": [
        {"title": "A warm review", "variables": {"sentence": "a warm, funny, engaging film ."}, "gold": "1"},
        {"title": "A cold review", "variables": {"sentence": "the plot is dull and lifeless ."}, "gold": "0"},
    ],
    "conllpp": [],
    "gsm8k": [],
    "viggo": [],
}
ANSWERS = {
    None: "The film was released in the spring and the people in the town went to see it again and again , "
    "and the paper wrote about it for a week .",
    "glue_sst2": "1",
    "conllpp": '{"person": ["Peter Blackburn"], "organization": ["EU"], "location": ["Brussels"]}',
    "gsm8k": "She has 3 boxes with 4 pens each, so 3 * 4 = 12. She gives away 5, so 12 - 5 = 7. #### 7",
    "viggo": "SpellForce 3 is a role-playing strategy game for the PC that was released in 2017.",
}


def write_world(directory: Path) -> World:
    """A world on disk, as `world.json` describes one, with placeholder files for the weights."""
    (directory / "base").mkdir(parents=True, exist_ok=True)
    manifest = {
        "name": "miniature",
        "base": {
            "name": "Mini-Mistral 5M",
            "path": "base",
            "parameters": 5_000_000,
            "summary": "A tiny base model for tests.",
        },
        "adapters": {},
    }
    for slug, examples in ENTRIES.items():
        folder = directory / "adapters" / slug
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "adapter_config.json").write_text("{}")
        (folder / "adapter_model.safetensors").write_bytes(b"")
        manifest["adapters"][slug] = {
            "path": f"adapters/{slug}",
            "rank": 8,
            "targets": ["q_proj", "v_proj"],
            "measured": MEASURED,
            "examples": examples,
            "sampling": {"max_tokens": 64, "stop": []},
        }
    (directory / "world.json").write_text(json.dumps(manifest))
    return read_world(directory)


def site_tasks() -> list[Task]:
    return list(load_tasks().values())


def load_scripted_catalogue() -> None:
    directory = Path(tempfile.mkdtemp(prefix="loraland-world-"))
    world = write_world(directory)
    settings.LORALAND_WORLD = directory
    load_catalogue(site_tasks(), world)


def use_scripted_engine(seconds_per_token: float) -> ScriptedClient:
    client = ScriptedClient(max_model_len=2048)
    for adapter, answer in ANSWERS.items():
        words = answer.split(" ")
        client.script(
            adapter,
            Script(
                [words[0], *(f" {word}" for word in words[1:])],
                seconds_per_token=seconds_per_token,
                seconds_to_first=3 * seconds_per_token,
                loading=adapter is not None,
            ),
        )
    engine.use(client)
    return client
