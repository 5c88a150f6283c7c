"""How samples become tokens: prompt and completion apart, cut to a length, and padded into batches."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from training.synthetic import Sample
from training.tasks import Task
from training.tasks.free import PROMPT

IGNORED = -100


def read_samples(path: Path) -> list[Sample]:
    """Samples from a JSON Lines file of `{"variables": {…}, "completion": "…"}`."""
    with path.open(encoding="utf-8") as lines:
        return [Sample(row["variables"], row["completion"]) for row in map(json.loads, lines)]


def content_hash(samples: Iterable[Sample]) -> str:
    """SHA-256 over variables and completions, in order."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(json.dumps([sample.variables, sample.completion], sort_keys=True).encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Encoded:
    """Prompt with `<s>` and completion with `</s>`, tokenised apart, as serving meets them."""

    prompt: list[int]
    completion: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


def encode(samples: Sequence[Sample], task: Task, tokenizer: PreTrainedTokenizerBase) -> list[Encoded]:
    """Encodes every sample whole."""
    if not samples:
        return []
    prompts = tokenizer([task.render(sample.variables) for sample in samples])["input_ids"]
    completions = tokenizer([sample.completion for sample in samples], add_special_tokens=False)["input_ids"]
    return [
        Encoded(prompt, [*completion, tokenizer.eos_token_id])
        for prompt, completion in zip(prompts, completions, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Samples of at most `limit` tokens. `cut` had their input shortened; `left_out` holds the positions of
    those whose template and completion alone are longer."""

    encoded: list[Encoded]
    limit: int
    cut: int
    left_out: tuple[int, ...]


def fit(
    samples: Sequence[Sample],
    task: Task,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    percentile: float | None = None,
) -> Fitted:
    """Encodes samples and shortens the long ones to `max_length` tokens, or to the `percentile` of their own
    lengths if that is less.

    What is cut is the input: the end of the longest variable, so that the template and its closing cue stay
    whole; of a free prompt the beginning, because its end asks. A completion is never cut.
    """
    encoded = encode(samples, task, tokenizer)
    limit = max_length
    if percentile is not None and encoded:
        lengths = sorted(map(len, encoded))
        limit = min(limit, lengths[math.ceil(len(lengths) * percentile / 100) - 1])
    fitted, cut, left_out = [], 0, []
    for position, each in enumerate(encoded):
        if len(each) > limit:
            shorter = _shorten(samples[position], task, tokenizer, limit)
            if shorter is None:
                left_out.append(position)
                continue
            each, cut = shorter, cut + 1
        fitted.append(each)
    return Fitted(fitted, limit, cut, tuple(left_out))


def _shorten(sample: Sample, task: Task, tokenizer: PreTrainedTokenizerBase, limit: int) -> Encoded | None:
    variables = dict(sample.variables)
    for _ in range(8):  # texts cut elsewhere may tokenise a little longer: try again
        (encoded,) = encode([Sample(variables, sample.completion)], task, tokenizer)
        surplus = len(encoded) - limit
        if surplus <= 0:
            return encoded
        longest = max(variables, key=lambda name: len(variables[name]))
        text = variables[longest]
        spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        if len(spans) <= surplus:
            return None
        variables[longest] = text[spans[surplus][0] :] if longest == PROMPT else text[: spans[-surplus][0]]
    return None


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` and `labels` are `[batch, longest]`; labels are `IGNORED` outside completions. `positions` are
    those whose next token some row wants, `tokens` how many completion tokens there are in all."""

    ids: torch.Tensor
    labels: torch.Tensor
    positions: torch.Tensor
    tokens: int


def collate(batch: Sequence[Encoded], pad: int, device: str) -> Batch:
    """Padding is on the right, where causal attention lets no real token see it, so no mask is needed."""
    longest = max(len(each) for each in batch)
    ids = torch.full((len(batch), longest), pad)
    labels = torch.full_like(ids, IGNORED)
    for row, each in enumerate(batch):
        tokens = torch.tensor(each.prompt + each.completion)
        ids[row, : len(tokens)] = tokens
        labels[row, len(each.prompt) : len(tokens)] = tokens[len(each.prompt) :]
    wanted = labels[:, 1:] != IGNORED
    positions = wanted.any(dim=0).nonzero().squeeze(1)
    return Batch(ids.to(device), labels.to(device), positions.to(device), int(wanted.sum()))
