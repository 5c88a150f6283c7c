"""How the next token is chosen from the logits.

The order is that of Hugging Face's logits processors: penalties, temperature, top-k, top-p, min-p. What is
left is drawn by inverting its cumulative distribution at one uniform number that depends on the request's
seed and the token's position alone, so that neither batch-mates nor preemption nor chunked prefill change a
sampled text.

Sources: repetition penalty, CTRL (arXiv 1909.05858); presence and frequency penalties, OpenAI's API
reference; top-p, nucleus sampling (arXiv 1904.09751); min-p, arXiv 2407.01082.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch

from inference.request import SamplingParams

SMALLEST_TEMPERATURE = 1e-5  # below it, sampling is greedy: dividing by less overflows
MASK_64 = (1 << 64) - 1


class Choice(NamedTuple):
    """One chosen token; with log-probabilities (of the unchanged distribution) where they were asked for."""

    token_id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


class SamplingRow:
    """One request's sampling state: its parameters, its seed and the tokens that penalties look at."""

    __slots__ = ("counts", "greedy", "params", "penalised", "position", "seed", "seen", "simple")

    def __init__(self, params: SamplingParams, vocab_size: int, prompt_token_ids: Iterable[int]):
        self.params = params
        self.seed = secrets.randbits(63) if params.seed is None else params.seed
        self.position = 0
        self.greedy = params.temperature < SMALLEST_TEMPERATURE
        subtracts = params.presence_penalty != 0 or params.frequency_penalty != 0
        self.penalised = subtracts or params.repetition_penalty != 1
        self.simple = self.greedy and not self.penalised and params.logprobs is None
        self.seen: torch.Tensor | None = None  # bool [vocab]: in prompt or output
        self.counts: torch.Tensor | None = None  # float32 [vocab]: occurrences in the output
        if params.repetition_penalty != 1:
            self.seen = torch.zeros(vocab_size, dtype=torch.bool)
            self.seen[list(prompt_token_ids)] = True
        if subtracts:
            self.counts = torch.zeros(vocab_size)

    def take(self, token_id: int) -> None:
        """Notes that `token_id` became the output's next token."""
        self.position += 1
        if self.seen is not None:
            self.seen[token_id] = True
        if self.counts is not None:
            self.counts[token_id] += 1

    def penalise(self, logits: torch.Tensor) -> torch.Tensor:
        """The penalised copy of this row's logits, `[vocab]`."""
        if self.seen is not None:
            penalty = self.params.repetition_penalty
            changed = torch.where(logits > 0, logits / penalty, logits * penalty)
            logits = torch.where(self.seen.to(logits.device), changed, logits)
        if self.counts is not None:
            counts = self.counts.to(logits.device)
            logits = (
                logits - self.params.frequency_penalty * counts - self.params.presence_penalty * (counts > 0)
            )
        return logits


def sample(logits: torch.Tensor, rows: list[SamplingRow]) -> list[Choice | None]:
    """Chooses one token for each row of `logits`, float32 `[len(rows), vocab]`.

    None stands for a row without usable numbers (a NaN anywhere, +inf, or nothing but -inf), penalties
    included.
    """
    token_ids, best = _likeliest(logits)
    sound = [math.isfinite(value) for value in best]
    if all(row.simple for row in rows):
        return [Choice(token) if ok else None for token, ok in zip(token_ids, sound, strict=True)]

    scores = {i: logits[i] for i, ok in enumerate(sound) if ok and not rows[i].simple}
    for i in scores:
        if rows[i].penalised:
            scores[i] = rows[i].penalise(scores[i])
            best, token = scores[i].max(dim=-1)
            token_ids[i], sound[i] = int(token), bool(best.isfinite())
    scores = {i: row for i, row in scores.items() if sound[i]}
    for group in _drawn_together(scores, rows):
        drawn = _draw(torch.stack([scores[i] for i in group]), [rows[i] for i in group])
        for i, token in zip(group, drawn, strict=True):
            token_ids[i] = token
    choices = [Choice(token) if ok else None for token, ok in zip(token_ids, sound, strict=True)]
    _add_logprobs(choices, logits, rows)
    return choices


def _likeliest(logits: torch.Tensor) -> tuple[list[int], list[float]]:
    """The index of each row's maximum, and the maximum: a NaN where the row holds one."""
    if logits.device.type == "cpu":  # torch takes ten times as long as numpy
        numbers = logits.numpy()
        indices = numbers.argmax(axis=1)
        return indices.tolist(), numbers[np.arange(len(indices)), indices].tolist()
    best, indices = logits.max(dim=-1)
    return indices.tolist(), best.tolist()


def _drawn_together(scores: dict[int, torch.Tensor], rows: list[SamplingRow]) -> list[list[int]]:
    """The rows that sample, those that need sorting apart from those that do not."""
    plain, filtered = [], []
    for i in scores:
        params = rows[i].params
        if not rows[i].greedy:
            sorts = params.top_k > 0 or params.top_p < 1 or params.min_p > 0
            (filtered if sorts else plain).append(i)
    return [group for group in (plain, filtered) if group]


def _draw(scores: torch.Tensor, rows: list[SamplingRow]) -> list[int]:
    def column(values: list[float], dtype: torch.dtype) -> torch.Tensor:
        return torch.tensor(values, dtype=dtype, device=scores.device).unsqueeze(1)

    params = [row.params for row in rows]
    temperature = column([p.temperature for p in params], torch.float32)
    scores = (scores - scores.max(dim=-1, keepdim=True).values) / temperature
    points = column([uniform(row.seed, row.position) for row in rows], torch.float64)
    if params[0].top_k == 0 and params[0].top_p == 1 and params[0].min_p == 0:  # so are all in this group
        return _invert(scores.softmax(dim=-1, dtype=torch.float64), points).squeeze(1).tolist()

    # Equal scores keep the order of their ids, so the filters never depend on the rest of the batch.
    scores, order = scores.sort(dim=-1, descending=True, stable=True)
    probs = scores.softmax(dim=-1, dtype=torch.float64)
    vocab = scores.shape[-1]
    top_k = column([min(p.top_k or vocab, vocab) for p in params], torch.int64)
    probs = probs.masked_fill(torch.arange(vocab, device=scores.device) >= top_k, 0)
    top_p = column([p.top_p if p.top_p < 1 else float("inf") for p in params], torch.float64)
    before = probs.cumsum(dim=-1) - probs  # the likeliest token has 0 before it and always stays
    probs = probs.masked_fill(before >= top_p * probs.sum(dim=-1, keepdim=True), 0)
    min_p = column([p.min_p for p in params], torch.float64)
    probs = probs.masked_fill(probs < min_p * probs[:, :1], 0)
    return order.gather(1, _invert(probs, points)).squeeze(1).tolist()


def _invert(probs: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """For each row the index `[n, 1]` at which its cumulative sum passes `points` (of 0..1) of its total."""
    cumulative = probs.cumsum(dim=-1)
    total = cumulative[:, -1:].contiguous()
    target = torch.minimum(points * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, target, right=True)


def _add_logprobs(choices: list[Choice | None], logits: torch.Tensor, rows: list[SamplingRow]) -> None:
    wanted = [i for i, choice in enumerate(choices) if choice and rows[i].params.logprobs is not None]
    if not wanted:
        return
    logprobs = logits[wanted].log_softmax(dim=-1)
    most = min(max(rows[i].params.logprobs for i in wanted), logits.shape[-1])
    values, ids = (part.tolist() for part in logprobs.topk(most, dim=-1))
    for k, i in enumerate(wanted):
        token_id = choices[i].token_id
        top = tuple(zip(ids[k], values[k], strict=True))[: rows[i].params.logprobs]
        choices[i] = Choice(token_id, float(logprobs[k, token_id]), top)


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1) fixed by `seed` and `position`: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    z = _mix(_mix(seed & MASK_64) + (position + 1) * 0x9E3779B97F4A7C15 & MASK_64)
    return (z >> 11) * 2.0**-53


def _mix(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK_64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK_64
    return z ^ z >> 31
