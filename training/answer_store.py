"""Answers on disk, one JSON line each, so that a broken run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from training.errors import TrainingError


def answer_key(*parts: Any) -> str:
    """A name for an answer: a hash over everything that decides it (who answers, prompt, sampling)."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def _is_cut_short(line: bytes) -> bool:
    """Whether this is the beginning of a row of ours. Anything else is somebody's data, and stays."""
    begin = b'{"key": '
    return line.startswith(begin) or begin.startswith(line)


class AnswerStore:
    """A JSON Lines file that is read when opened and then only appended to.

    Each row has a `key`. A last line that a kill has cut short is dropped. Without a path all is kept in
    memory. Raises `TrainingError` for a file that is something else, and when the disk is full.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self.rows: dict[str, dict[str, Any]] = {}
        self._stream = None
        if path is not None:
            self._open(path)

    def _open(self, path: Path) -> None:
        whole = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                with path.open("rb") as lines:
                    for number, line in enumerate(lines, start=1):
                        if not line.endswith(b"\n") and _is_cut_short(line):
                            break
                        self._take(path, number, line)
                        whole += len(line)
                os.truncate(path, whole)
            self._stream = path.open("a", encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"The answers cannot be kept in {path}: {error.strerror}.") from error

    def _take(self, path: Path, number: int, line: bytes) -> None:
        try:
            row = json.loads(line)
            self.rows[row["key"]] = row
        except (ValueError, KeyError, TypeError) as error:
            raise TrainingError(
                f"{path}, line {number} is no answer of an evaluation. Choose another file or delete it."
            ) from error

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self.rows[key]

    def add(self, key: str, row: Mapping[str, Any]) -> None:
        """Keeps an answer; it is on disk when this returns."""
        self.rows[key] = {"key": key, **row}
        if self._stream is None:
            return
        try:
            self._stream.write(json.dumps(self.rows[key], ensure_ascii=False) + "\n")
            self._stream.flush()
        except OSError as error:
            raise TrainingError(
                f"The answer could not be written to {self.path}: {error.strerror}. The {len(self.rows) - 1} "
                "before it are kept; make room and start the same evaluation again."
            ) from error

    def __enter__(self) -> AnswerStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()
