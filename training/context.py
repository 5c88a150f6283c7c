"""Whether an example fits what a base can read; without torch, for whoever checks an upload."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from training.synthetic import Sample
from training.tasks.free import PROMPT


def length_complaint(base: Path, most: int | None = None) -> Callable[[Sample], str | None]:
    """A check for `read_dataset`: complains of prompts and completions that are together longer than the
    context of the checkpoint directory `base`, or than `most` tokens if that is less. Raises `OSError` or
    `ValueError` for a directory that is no checkpoint."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    limit = min(filter(None, (config.get("max_position_embeddings"), most)), default=None)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))

    def complaint(sample: Sample) -> str | None:
        text = sample.variables[PROMPT] + sample.completion
        # A token is at least a byte; most rows need no counting.
        if limit is None or len(text.encode()) + 2 <= limit:
            return None
        tokens = len(tokenizer.encode(text)) + 1
        if tokens <= limit:
            return None
        return (
            f"the row has {tokens:,} tokens, and the base reads at most {limit:,}, answer included; shorten "
            "the prompt or leave the row out."
        )

    return complaint
