"""The world that is served: one base model and the adapters whose weights are here.

A world is a directory with a `world.json` (see `demo/README.md`). Reading it touches no weights.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.text import slugify

logger = logging.getLogger(__name__)
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether an adapter can answer; if not, `missing` says in a sentence what is missing."""

    live: bool
    missing: str = ""


@dataclass(frozen=True, slots=True)
class WorldAdapter:
    """An adapter of the world; `path` is its PEFT directory."""

    slug: str
    path: Path
    rank: int | None
    targets: tuple[str, ...]
    measured: dict[str, Any] | None
    examples: tuple[dict[str, Any], ...]
    sampling: dict[str, Any]


@dataclass(slots=True)
class World:
    """`problem` is a sentence when the world cannot be served at all. `refused` maps the slugs of adapters
    that the engine would not load to its reason."""

    directory: Path
    name: str = "empty"
    base_name: str = "Base model"
    base_path: Path | None = None
    base_parameters: int | None = None
    base_summary: str = ""
    adapters: dict[str, WorldAdapter] = field(default_factory=dict)
    problem: str = ""
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def base_id(self) -> str:
        """The base model's name in the API."""
        return slugify(self.base_name)

    def availability(self, slug: str) -> Availability:
        if self.problem:
            return Availability(False, self.problem)
        adapter = self.adapters.get(slug)
        if adapter is None:
            return Availability(False, f"Its weights are not part of the {self.name} world that runs here.")
        for file in missing_files(adapter.path):
            where = os.path.relpath(adapter.path / file, self.directory)
            return Availability(False, f"A file of the {self.name} world is missing: {where}.")
        if slug in self.refused:
            return Availability(False, self.refused[slug])
        return Availability(True)

    def own_availability(self, slug: str, directory: Path, trained_on: str) -> Availability:
        """The same for an adapter that a user has trained here, from the base `trained_on`."""
        if self.problem:
            return Availability(False, self.problem)
        if trained_on != self.base_id:
            return Availability(False, f"It was trained from {trained_on}; {self.base_id} runs here.")
        if missing_files(directory):
            return Availability(False, "Its weights are gone from the disk.")
        if slug in self.refused:
            return Availability(False, self.refused[slug])
        return Availability(True)

    def public(self, sentence: str) -> str:
        """`sentence` with paths named relative to the world: where it lies on the server is nobody's
        business."""
        for directory in {str(self.directory), str(self.directory.resolve())}:
            sentence = sentence.replace(f"{directory}{os.sep}", "").replace(directory, self.directory.name)
        return sentence

    @property
    def live_adapters(self) -> list[str]:
        return [slug for slug in self.adapters if self.availability(slug).live]


def missing_files(adapter: Path) -> list[str]:
    """Which files of a PEFT directory are not there."""
    return [file for file in ADAPTER_FILES if not (adapter / file).is_file()]


def read_world(directory: Path) -> World:
    """Reads `directory/world.json`. A missing or unreadable one gives an empty world that says so."""
    file = directory / "world.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        base = data["base"]
        return World(
            directory=directory,
            name=data["name"],
            base_name=base["name"],
            base_path=directory / base["path"],
            base_parameters=base.get("parameters"),
            base_summary=base.get("summary", ""),
            adapters={
                slug: WorldAdapter(
                    slug=slug,
                    path=directory / entry["path"],
                    rank=entry.get("rank"),
                    targets=tuple(entry.get("targets") or ()),
                    measured=entry.get("measured"),
                    examples=tuple(entry.get("examples") or ()),
                    sampling=entry.get("sampling") or {},
                )
                for slug, entry in data["adapters"].items()
            },
        )
    except FileNotFoundError:
        problem = f"There is no {file}. Set LORALAND_WORLD to the directory of a world."
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{file} cannot be read ({type(error).__name__}: {error})."
    logger.error("%s", problem)
    world = World(directory=directory)
    world.problem = world.public(problem)
    return world


@lru_cache(maxsize=4)
def _cached_world(directory: Path) -> World:
    return read_world(directory)


def current_world() -> World:
    """The world of `settings.LORALAND_WORLD`, read once."""
    return _cached_world(Path(settings.LORALAND_WORLD))
