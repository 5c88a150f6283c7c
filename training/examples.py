"""Where fine-tuning examples come from, and how they become tokens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from training.synthetic import Sample
from training.tasks import Task

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


def encode(
    samples: Sequence[Sample], task: Task, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> list[Encoded]:
    """Encodes what fits `max_length` tokens; longer samples are left out."""
    if not samples:
        return []
    prompts = tokenizer([task.render(sample.variables) for sample in samples])["input_ids"]
    completions = tokenizer([sample.completion for sample in samples], add_special_tokens=False)["input_ids"]
    encoded = [
        Encoded(prompt, [*completion, tokenizer.eos_token_id])
        for prompt, completion in zip(prompts, completions, strict=True)
    ]
    return [each for each in encoded if len(each) <= max_length]


def collate(batch: Sequence[Encoded], pad: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels, both `[batch, longest]`; labels are `IGNORED` outside completions.

    Padding is on the right, where causal attention lets no real token see it, so no mask is needed.
    """
    longest = max(len(each) for each in batch)
    ids = torch.full((len(batch), longest), pad)
    labels = torch.full_like(ids, IGNORED)
    for row, each in enumerate(batch):
        tokens = torch.tensor(each.prompt + each.completion)
        ids[row, : len(tokens)] = tokens
        labels[row, len(each.prompt) : len(tokens)] = tokens[len(each.prompt) :]
    return ids.to(device), labels.to(device)
