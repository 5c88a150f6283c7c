"""The published data of a task, through `datasets`: from the hub, or from files of one's own.

What a fine-tuning may see and what is evaluated never overlap: where a data set's validation split is what
the paper scored, the validation samples of a training come out of its train split.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from training.errors import DatasetError
from training.synthetic import Sample
from training.tasks import Task
from training.tasks.rows import CONVERTERS

logger = logging.getLogger(__name__)

Role = Literal["train", "validation", "test"]
READERS = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
HELD_OUT_PERCENT = 5


def published_samples(
    task: Task, role: Role, files: Path | None = None, limit: int | None = None
) -> list[Sample]:
    """The samples for a role, the first `limit` of them.

    `test` is what the paper scored. `validation` is the data set's own validation split, or five per cent of
    its train split where it has none to spare; those are then missing from `train`. `files` is a directory
    with a file per split (`train.csv`, `test.parquet`, …) in the data set's own columns, or one such file,
    which is divided 90, 5 and 5. Rows without an answer, and those that stand in the prompt as its solved
    example, are left out.

    Raises `DatasetError` with the remedy.
    """
    samples = _distinct_from_shots(task, _samples(task, role, files))
    found = list(islice(samples, limit))
    if not found:
        raise DatasetError(f"There are no {role} rows of {task.id} in {_place(task, files)}.")
    return found


def file_samples(task: Task, file: Path, limit: int | None = None) -> list[Sample]:
    """All samples of one file in the data set's columns, or of JSON Lines of variables and completion.

    Raises `DatasetError` with the remedy.
    """
    found = list(islice(_convert(task, _read_files([file]), file.name), limit))
    if not found:
        raise DatasetError(f"{file.name} has no row with an answer.")
    return found


def _samples(task: Task, role: Role, files: Path | None) -> Iterator[Sample]:
    source = task.data
    if source is None:
        raise DatasetError(f"The task {task.id} has no published data set; give a file.")
    if files is not None and files.is_file():
        for sample in _convert(task, _read_files([files]), files.name):
            if _part(sample) == role:
                yield sample
        return
    spare = source.validation if set(source.validation) - set(source.evaluated) else ()
    splits = {"train": source.train, "validation": spare, "test": source.evaluated}[role]
    if role == "test" and source.evaluation_hub and files is None:
        yield from _convert(task, _hub_rows(task, splits, source.evaluation_hub), source.evaluation_hub)
        return
    if role == "test" or (role == "validation" and splits):
        yield from _convert(task, _rows(task, splits, files), _place(task, files))
        return
    for sample in _convert(task, _rows(task, source.train, files), _place(task, files)):
        if bool(spare) or (_bucket(sample) < HELD_OUT_PERCENT) == (role == "validation"):
            yield sample


def _place(task: Task, files: Path | None) -> str:
    return str(files) if files else task.data.hub if task.data else "no data set"


def _rows(task: Task, splits: Sequence[str], files: Path | None) -> Iterable[dict[str, Any]]:
    if files is None:
        return _hub_rows(task, splits, task.data.hub)
    if not files.is_dir():
        raise DatasetError(f"There is no file or directory {files}.")
    found = [each for split in splits for each in sorted(files.glob(f"{split}.*")) if each.suffix in READERS]
    if not found:
        wanted = " or ".join(f"{split}.csv" for split in splits)
        raise DatasetError(
            f"{files} has no {wanted} (nor .tsv, .jsonl, .json or .parquet), which {task.id} needs."
        )
    return _read_files(found)


def _read_files(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetGenerationError

    for file in files:
        reader = READERS.get(file.suffix.lower())
        if reader is None:
            raise DatasetError(f"{file.name} is none of {', '.join(READERS)}; save it as one of them.")
        if reader != "parquet":
            _check_utf8(file)
        options: dict[str, Any] = {"keep_default_na": False} if reader == "csv" else {}
        if file.suffix.lower() == ".tsv":
            options["sep"] = "\t"
        try:
            yield from load_dataset(reader, data_files=str(file), split="train", **options)
        except (DatasetGenerationError, ValueError, OSError) as error:
            if "no data" in str(error):  # a header and nothing else
                continue
            cause = str(error.__cause__ or error).strip().partition("\n")[0].rstrip(".")
            raise DatasetError(
                f"{file.name} cannot be read as {reader}: {cause}. Correct that row."
            ) from error


def _check_utf8(file: Path) -> None:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DatasetError(
                    f"{file.name}, line {number}: byte {line[error.start]:#04x} is not UTF-8. Convert the "
                    f"file, for example with: iconv -f latin1 -t utf8 {file.name}"
                ) from error


def _hub_rows(task: Task, splits: Sequence[str], hub: str) -> Iterator[dict[str, Any]]:
    from datasets import load_dataset

    source = task.data
    if not hub:
        raise DatasetError(f"The hub does not hold the data of {task.id}; give it with --data. {source.note}")
    own = hub == source.hub
    configs = (source.configs or (source.config or None,)) if own else (None,)
    for config in configs:
        for split in splits:
            try:
                rows = load_dataset(hub, config, split=split, revision=source.revision if own else None)
            except Exception as error:  # the hub client, the readers and the network raise many types
                reason = str(error).strip().partition("\n")[0].rstrip(".")
                raise DatasetError(
                    f"{hub} (split {split}, revision {source.revision}) cannot be loaded: {reason}. Check "
                    "the connection to the hub, or download the data and give it with --data."
                ) from error
            _compare_count(task, split, len(rows), len(configs) * len(splits) == 1)
            yield from rows


def _compare_count(task: Task, split: str, count: int, whole: bool) -> None:
    """Says so when the hub's data is no longer, or not quite, the paper's."""
    expected = task.data.paper_rows.get(split)
    if whole and expected is not None and expected != count:
        logger.warning("%s: %s has %d rows, the paper counts %d.", task.id, split, count, expected)


def _convert(task: Task, rows: Iterable[dict[str, Any]], place: str) -> Iterator[Sample]:
    convert = CONVERTERS[task.data.rows]
    for number, row in enumerate(rows, start=1):
        try:
            converted = (row["variables"], row["completion"]) if "variables" in row else convert(task, row)
        except KeyError as error:
            raise DatasetError(
                f"{place} has no column {error.args[0]}, which {task.id} needs; it has "
                f"{', '.join(map(str, row))}. Rename or add the column."
            ) from error
        except (ValueError, TypeError, IndexError) as error:
            raise DatasetError(
                f"{place}, row {number}: {task.id} cannot use it ({error}). Correct the row or delete it."
            ) from error
        if converted is not None and converted[1].strip():
            yield Sample(*converted)


def _bucket(sample: Sample) -> int:
    content = json.dumps(sample.variables, sort_keys=True, ensure_ascii=False).casefold()
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:4], "big") % 100


def _part(sample: Sample) -> Role:
    bucket = _bucket(sample)
    return "test" if bucket < HELD_OUT_PERCENT else "validation" if bucket < 2 * HELD_OUT_PERCENT else "train"


def _distinct_from_shots(task: Task, samples: Iterator[Sample]) -> Iterator[Sample]:
    shown = [dict(shot.variables) for shot in task.shots]
    return (sample for sample in samples if sample.variables not in shown)
