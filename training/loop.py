"""The training loop: updates, validation rounds, checkpoints, and a way to watch and stop it."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from peft import PeftModel

from training.base_model import adamw
from training.checkpoint import Checkpoint, TrainingState
from training.errors import TrainingError, TrainingStopped
from training.examples import IGNORED, Batch, Encoded, collate
from training.plan import AdapterPlan
from training.progress import OnProgress, Phase, Progress, ShouldStop, Validation
from training.schedule import learning_rate_factor

REPORT_SECONDS = 0.5
CURVE_POINTS = 40


@dataclass(slots=True)
class Trainer:
    """Trains the adapter of `model` in place. `pad` is any token id; `checkpoint` holds the state meanwhile.

    `run` may be called again after a kill, an exception or a stop, in another process: on the same device and
    number of threads it then ends with the very weights of an uninterrupted run.
    """

    model: PeftModel
    plan: AdapterPlan
    examples: Sequence[Encoded]
    held_out: Sequence[Encoded]
    pad: int
    device: str
    checkpoint: Checkpoint
    on_progress: OnProgress | None = None
    should_stop: ShouldStop | None = None

    def run(self) -> TrainingState:
        """Returns the last state; the model has the best weights that validation saw, or else the last.

        Raises `TrainingStopped` when `should_stop` says so, and `TrainingError` when memory or disk is full
        or the loss is no number any more.
        """
        plan, optimizer = self.plan, adamw(self.model, self.plan)
        state = self._restore(optimizer)
        running: torch.Tensor | float = state.loss_sum
        began, first, seconds_before, told = time.monotonic(), state.step, state.seconds, 0.0
        self._tell("training", state)
        self.model.train()
        while state.step < plan.steps and not self._gave_up(state):
            for group in optimizer.param_groups:
                group["lr"] = plan.learning_rate * learning_rate_factor(state.step, plan.steps, plan.warmup)
            loss = self._update(optimizer, state.step)
            running = running + loss
            state.step += 1
            state.loss_count += 1
            if state.step % max(1, plan.steps // CURVE_POINTS) == 0 or state.step == plan.steps:
                self._extend_curve(state, float(running))
                running = 0.0
            if plan.validate_every and state.step % plan.validate_every == 0:
                self._validate(state)
            now = time.monotonic()
            state.seconds = seconds_before + now - began
            if now - told >= REPORT_SECONDS or state.step == plan.steps:
                told = now
                left = (now - began) / (state.step - first) * (plan.steps - state.step)
                self._tell("training", state, loss.item(), left)
            stop = self.should_stop is not None and self.should_stop()
            if stop or (plan.checkpoint_every and state.step % plan.checkpoint_every == 0):
                state.loss_sum = float(running)
                self._save(state, optimizer)
            if stop:
                raise TrainingStopped(
                    f"Stopped after step {state.step} of {plan.steps}. The same training started again goes "
                    "on from there.",
                    state.step,
                )
        if state.best_adapter:
            self._put(state.best_adapter)
        return state

    def _update(self, optimizer: torch.optim.Optimizer, step: int) -> torch.Tensor:
        """One update; returns the mean loss over all its completion tokens."""
        plan = self.plan
        batches = [
            collate([self.examples[i] for i in chosen], self.pad, self.device)
            for chosen in self._choose(step)
        ]
        tokens = sum(batch.tokens for batch in batches)
        optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        try:
            for batch in batches:
                # Every token weighs the same, however the batches divide them.
                loss = completion_loss(self.model, batch, autocast=True)[0] / tokens
                loss.backward()
                total += loss.detach()
            torch.nn.utils.clip_grad_norm_(self.trained().values(), 1.0)
            optimizer.step()
        except torch.cuda.OutOfMemoryError as error:
            raise TrainingError(
                f"The GPU's memory is too small for step {step + 1}: lower batch or max_length, or set "
                'gradient_checkpointing = true or quantization = "nf4" in the configuration '
                f"(now {plan.batch}, {plan.max_length}, {plan.gradient_checkpointing}, {plan.quantization})."
            ) from error
        return total

    def _choose(self, step: int) -> list[list[int]]:
        """Which examples the step reads, from the seed alone: every epoch has its own order."""
        plan, count = self.plan, len(self.examples)
        start = step * plan.batch * plan.accumulation
        chosen = [
            _order(plan.seed, position // count, count)[position % count]
            for position in range(start, start + plan.batch * plan.accumulation)
        ]
        return [chosen[i : i + plan.batch] for i in range(0, len(chosen), plan.batch)]

    def _extend_curve(self, state: TrainingState, total: float) -> None:
        mean = total / state.loss_count
        if not math.isfinite(mean):
            raise TrainingError(
                f"The loss is no number any more at step {state.step}; lower learning_rate "
                f"(now {self.plan.learning_rate:g}) and begin anew."
            )
        state.curve.append([state.step, round(mean, 4)])
        state.loss_sum, state.loss_count = 0.0, 0

    def _validate(self, state: TrainingState) -> None:
        self._tell("validating", state)
        result = validate(self.model, self.held_out, self.pad, self.device)
        self.model.train()
        state.validations.append([state.step, round(result.loss, 6), round(result.exact, 4)])
        if state.best_loss is None or result.loss < state.best_loss:
            state.best_loss, state.best_step = result.loss, state.step
            state.best_adapter = {
                name: weight.detach().cpu().clone() for name, weight in self.trained().items()
            }

    def _gave_up(self, state: TrainingState) -> bool:
        rounds = (state.step - state.best_step) // self.plan.validate_every if state.validations else 0
        return 0 < self.plan.patience <= rounds

    # State

    def trained(self) -> dict[str, torch.nn.Parameter]:
        return {name: each for name, each in self.model.named_parameters() if each.requires_grad}

    def _put(self, weights: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.trained().items():
                parameter.copy_(weights[name])

    def _restore(self, optimizer: torch.optim.Optimizer) -> TrainingState:
        state = self.checkpoint.load()
        if state is None:
            return TrainingState()
        state.resumed += 1
        self._put(state.adapter)
        optimizer.load_state_dict(state.optimizer)
        torch.set_rng_state(state.rng["cpu"])
        if "cuda" in state.rng and self.device.startswith("cuda"):
            torch.cuda.set_rng_state(state.rng["cuda"], self.device)
        return state

    def _save(self, state: TrainingState, optimizer: torch.optim.Optimizer) -> None:
        state.adapter = {name: weight.detach() for name, weight in self.trained().items()}
        state.optimizer = optimizer.state_dict()
        state.rng = {"cpu": torch.get_rng_state()}
        if self.device.startswith("cuda"):
            state.rng["cuda"] = torch.cuda.get_rng_state(self.device)
        self.checkpoint.save(state)

    def _tell(
        self, phase: Phase, state: TrainingState, loss: float | None = None, left: float | None = None
    ) -> None:
        if self.on_progress is None:
            return
        validation = Validation(*state.validations[-1][1:]) if state.validations else None
        if loss is None and state.curve:
            loss = state.curve[-1][1]
        self.on_progress(Progress(phase, state.step, self.plan.steps, loss, validation, left))


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


def completion_loss(model: PeftModel, batch: Batch, autocast: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed loss over the completions' tokens, and `[batch]` booleans: every one of them predicted.

    Logits are computed where a completion is alone; of a large vocabulary they take most of the memory.
    """
    with torch.autocast("cuda", torch.bfloat16, enabled=autocast and batch.ids.is_cuda):
        logits = model(input_ids=batch.ids, use_cache=False, logits_to_keep=batch.positions).logits
    targets = batch.labels[:, 1:][:, batch.positions]
    loss = F.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return loss, ((logits.argmax(-1) == targets) | (targets == IGNORED)).all(dim=1)


@torch.no_grad()
def validate(
    model: PeftModel, encoded: Sequence[Encoded], pad: int, device: str, tokens: int = 16_384
) -> Validation:
    """An answer counts as exact when every token is the likeliest after those before it, `</s>` included.

    Batches hold about `tokens` tokens, padding included.
    """
    model.eval()
    loss, exact, count = 0.0, 0, 0
    ordered = sorted(encoded, key=len)
    while ordered:
        size = max(1, tokens // len(ordered[-1]))
        batch = collate(ordered[-size:], pad, device)
        del ordered[-size:]
        summed, right = completion_loss(model, batch, autocast=False)
        loss += summed.item()
        exact += int(right.sum())
        count += batch.tokens
    return Validation(loss / count, exact / len(encoded))
