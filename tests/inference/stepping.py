"""Drives a `ModelRunner` step by step, with blocks handed out in random order."""

from __future__ import annotations

import random

import torch

from inference.model_runner import ModelRunner
from inference.request import GenerationRequest
from inference.sequence import ScheduledSequence, Sequence


class Stepper:
    """Keeps sequences' blocks and progress, as the scheduler would, without any policy."""

    def __init__(self, runner: ModelRunner, seed: int = 0):
        self.runner = runner
        self.free = list(range(runner.num_blocks))
        random.Random(seed).shuffle(self.free)

    def start(self, token_ids: list[int], adapter: str | None = None) -> Sequence:
        request = GenerationRequest(prompt_token_ids=token_ids, adapter=adapter)
        held = self.runner.adapters.acquire(adapter) if adapter is not None else None
        assert adapter is None or held is not None
        return Sequence(request, tuple(token_ids), adapter=held)

    def step(self, *shares: Sequence | tuple[Sequence, int]) -> torch.Tensor:
        """Computes all pending tokens of each sequence, or the number given with it."""
        batch = []
        for share in shares:
            sequence, new = share if isinstance(share, tuple) else (share, share.num_pending)
            while len(sequence.block_table) * self.runner.block_size < sequence.num_computed + new:
                sequence.block_table.append(self.free.pop())
            batch.append(ScheduledSequence(sequence, new))
        logits = self.runner.run(batch)
        for item in batch:
            item.sequence.num_computed += item.num_new
        return logits

    def finish(self, *sequences: Sequence) -> None:
        for sequence in sequences:
            self.free += sequence.block_table
            sequence.block_table = []
            if sequence.adapter is not None:
                self.runner.adapters.release(sequence.adapter)
                sequence.adapter = None

    def logits(self, token_ids: list[int], adapter: str | None = None) -> torch.Tensor:
        """`[vocab]`: the logits after the whole prompt, computed alone and in one go."""
        sequence = self.start(token_ids, adapter)
        logits = self.step(sequence)
        self.finish(sequence)
        return logits[0]
