"""A user's own examples: CSV with two columns, or JSON Lines with two keys or in chat form.

What is wrong with a row is said with its line; the other rows are still read.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import DatasetError
from training.synthetic import Sample
from training.tasks.free import PROMPT

# Names that stand for prompt and completion, tried in this order.
COLUMNS = (
    ("prompt", "completion"),
    ("input", "output"),
    ("instruction", "response"),
    ("question", "answer"),
    ("text", "label"),
)
MESSAGES = "messages"
_ALLOWED = ", ".join(f"{prompt} and {completion}" for prompt, completion in COLUMNS)
# Lone surrogates: how bytes that are not UTF-8 come through decoding, and half characters through JSON.
_UNDECODED = range(0xD800, 0xE000)

RenderChat = Callable[[list[dict[str, str]]], str]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the row that begins in `line` (from 1), in a sentence with the remedy."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


def read_dataset(
    path: Path, render_chat: RenderChat | None = None, complaint: Callable[[Sample], str | None] | None = None
) -> tuple[list[Sample], list[Problem]]:
    """The samples of a file, each with the one variable `prompt`, and what is wrong with the other rows.

    `.csv` and `.tsv` files have a header; `.jsonl` files have an object a line, `{"prompt": …, "completion":
    …}` or `{"messages": [{"role": …, "content": …}, …]}` with the completion as last message. A conversation
    becomes a prompt through `render_chat`, by default its contents with blank lines between, as the engine
    renders chats for a base without a chat template. `complaint` says in a sentence what else is wrong with a
    sample, which is left out then.

    Raises `DatasetError` when the file cannot be read at all or no row is usable.
    """
    text = _decode(path)
    if not text.strip():
        raise DatasetError(f"{path.name} is empty.")
    rows = _csv_rows(path, text) if path.suffix.lower() in (".csv", ".tsv") else _json_rows(path, text)
    samples: list[Sample] = []
    problems: list[Problem] = []
    first_seen: dict[str, tuple[int, str]] = {}
    for line, row in rows:
        try:
            prompt, completion = _pair(row, render_chat or _blank_lines)
        except _BadRow as error:
            problems.append(Problem(line, str(error)))
            continue
        if prompt in first_seen and first_seen[prompt][1] != completion:
            problems.append(
                Problem(
                    line,
                    f"the prompt of line {first_seen[prompt][0]} is here again with another completion; the "
                    "row is left out. Keep one of the two.",
                )
            )
            continue
        sample = Sample({PROMPT: prompt}, completion, line)
        if complaint is not None and (sentence := complaint(sample)):
            problems.append(Problem(line, sentence))
            continue
        if prompt not in first_seen:
            first_seen[prompt] = (line, completion)
            samples.append(sample)
    if not samples:
        detail = f" The first problem: {problems[0]}" if problems else ""
        raise DatasetError(f"{path.name} has no usable row.{detail}")
    return samples, problems


def hold_out(
    samples: Sequence[Sample], shares: Sequence[float] = (0.1, 0.1), seed: int = 0
) -> tuple[list[Sample], ...]:
    """Divides samples at random into the rest and one part per share, each of at least one sample.

    Samples with equal variables stay together, so that no part answers another. Raises `DatasetError` when
    there are too few.
    """
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(json.dumps(sample.variables, sort_keys=True), []).append(sample)
    if len(groups) <= len(shares):
        raise DatasetError(
            f"{len(groups)} different prompts cannot be divided into {len(shares) + 1} parts; "
            f"give at least {len(shares) + 1}, better a hundred."
        )
    keys = list(groups)
    random.Random(seed).shuffle(keys)
    parts: list[list[Sample]] = []
    for share in shares:
        size = max(1, min(round(share * len(groups)), len(keys) - (len(shares) - len(parts))))
        parts.append([sample for key in keys[:size] for sample in groups[key]])
        del keys[:size]
    return [sample for key in keys for sample in groups[key]], *parts


class _BadRow(Exception):
    pass


def _decode(path: Path) -> str:
    """The file's text. Bytes that are not UTF-8 become lone surrogates, to be blamed on their row."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise DatasetError(f"{path.name} begins as UTF-16 but is not. Save it as UTF-8.") from error
    if b"\0" in data:
        raise DatasetError(f"{path.name} is not a text file. Save the table as CSV or JSON Lines in UTF-8.")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="surrogateescape")


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    header_line = text.splitlines()[0]
    delimiter = max(",;\t", key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().casefold() for name in next(reader)]
        pair = next((pair for pair in COLUMNS if set(pair) <= set(header)), None)
        if pair is None:
            found = ", ".join(map(repr, header))
            raise DatasetError(
                f"{path.name}, line 1: the first line must name the columns {_ALLOWED}; it has {found}. "
                "Add or rename the header."
            )
        begins = reader.line_num + 1
        for row in reader:
            line, begins = begins, reader.line_num + 1
            if not row:
                continue
            if len(row) != len(header):
                yield (
                    line,
                    _BadRow(
                        f"{len(row)} column{'' if len(row) == 1 else 's'}, but the header has {len(header)}. "
                        f"Put texts that contain {delimiter!r} or line breaks in double quotes."
                    ),
                )
                continue
            values = dict(zip(header, row, strict=True))
            yield line, {"prompt": values[pair[0]], "completion": values[pair[1]]}
    except csv.Error as error:
        raise DatasetError(
            f"{path.name}, line {reader.line_num}: {error}. Check the double quotes from the row before on; "
            'inside a quoted text write a quote twice ("").'
        ) from error


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    if text.lstrip().startswith("[") and path.suffix.lower() == ".json":
        raise DatasetError(
            f"{path.name} is one JSON list. Write JSON Lines: one object a line, without a list around them."
        )
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            try:
                yield line, json.loads(content)
            except (ValueError, RecursionError) as error:
                reason = getattr(error, "msg", str(error))
                yield line, _BadRow(f"this is not a JSON object ({reason}). Write one object a line.")


def _pair(row: Any, render_chat: RenderChat) -> tuple[str, str]:
    if isinstance(row, _BadRow):
        raise row
    if not isinstance(row, Mapping):
        raise _BadRow('this is not an object such as {"prompt": "…", "completion": "…"}.')
    if MESSAGES in row:
        prompt, completion = _conversation(row[MESSAGES], render_chat)
    else:
        row = {str(name).casefold(): value for name, value in row.items()}
        pair = next((pair for pair in COLUMNS if set(pair) <= set(row)), None)
        if pair is None:
            missing = [name for name in COLUMNS[0] if name not in row]
            raise _BadRow(f"{' and '.join(missing)} missing; a row has {_ALLOWED}, or messages.")
        prompt, completion = (_text(row[name], name) for name in pair)
    for name, text in (("prompt", prompt), ("completion", completion)):
        if not text.strip():
            raise _BadRow(f"the {name} is empty; fill it in or delete the row.")
        if any(ord(character) in _UNDECODED for character in text):
            raise _BadRow(f"the {name} has characters that are not UTF-8; save the file as UTF-8.")
    return prompt, completion.strip()


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, (list, dict)):
        raise _BadRow(f"{name} must be a text, not {json.dumps(value)[:60]}.")
    return value if isinstance(value, str) else json.dumps(value)


def _conversation(messages: Any, render_chat: RenderChat) -> tuple[str, str]:
    shaped = isinstance(messages, list) and all(
        isinstance(each, Mapping) and isinstance(each.get("content"), str) and each.get("role")
        for each in messages
    )
    if not shaped or len(messages) < 2:
        raise _BadRow(
            'messages must be a list of at least two {"role": "…", "content": "…"} with texts as contents.'
        )
    if unknown := {each["role"] for each in messages} - {"system", "user", "assistant"}:
        raise _BadRow(f"the role {sorted(map(str, unknown))[0]} is not one of system, user, assistant.")
    if messages[-1]["role"] != "assistant":
        raise _BadRow("the last message must be the assistant's: it is what the adapter learns to say.")
    rendered = render_chat([{"role": each["role"], "content": each["content"]} for each in messages[:-1]])
    return rendered, messages[-1]["content"]


def _blank_lines(messages: list[dict[str, str]]) -> str:
    return "\n\n".join(message["content"] for message in messages)
