"""The engine: requests in, tokens out, many adapters in one batch.

    from inference import Engine, EngineConfig, GenerationRequest, SamplingParams

    with Engine(EngineConfig(model="path/to/base")) as engine:
        engine.load_adapter("sst2", "path/to/peft_adapter")
        (output,) = engine.generate([GenerationRequest("great movie", adapter="sst2")])

An engine belongs to one thread at a time; only `prepare` and `stats` may be called from others. To serve many
callers at once use `inference.InProcessClient`.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from inference.answer import Answer, OnEvent
from inference.config import EngineConfig
from inference.kv_cache import BlockManager
from inference.model_runner import ModelRunner, pick_device
from inference.request import (
    AdapterInfo,
    EngineStats,
    FinishReason,
    GenerationOutput,
    GenerationRequest,
    RequestError,
)
from inference.runner import Launch, Runner
from inference.sampling import Choice, SamplingRow, sample
from inference.scheduler import Scheduler
from inference.sequence import ScheduledSequence, Sequence
from inference.tokenization import Tokenizer

if TYPE_CHECKING:
    from inference.lora.registry import LoadedAdapter

logger = logging.getLogger(__name__)

QUEUE_NEWS_SECONDS = 0.2  # how often waiting requests are told their place


class Engine:
    """Loads the base model and serves it with any number of adapters.

    Raises `RuntimeError` with the remedy when the checkpoint cannot be served. `runner` and `tokenizer` are
    made from `config.model` unless given.
    """

    def __init__(
        self, config: EngineConfig, *, runner: Runner | None = None, tokenizer: Tokenizer | None = None
    ):
        self.config = config
        self.runner = runner = runner or _make_runner(config)
        self.tokenizer = tokenizer or Tokenizer.load(config.model)
        self.blocks = BlockManager(runner.num_blocks, config.block_size, config.prefix_cache)
        self.max_model_len = min(runner.max_model_len, runner.num_blocks * config.block_size)
        self.scheduler = Scheduler(
            self.blocks,
            self._acquire_adapter,
            runner.adapters.release,
            config.max_num_seqs,
            config.max_batched_tokens,
        )
        self._eos_token_ids = runner.model_config.eos_token_ids or self.tokenizer.eos_token_ids
        self._answers: dict[str, Answer] = {}
        self._in_flight: list[tuple[Launch, list[Answer]]] = []
        self._queue_news_at = 0.0
        self._prompt_tokens = 0
        self._generated_tokens = 0

    # Adapters

    def load_adapter(self, name: str, path: str | Path) -> AdapterInfo:
        """Registers a PEFT adapter directory and loads it.

        Raises `RequestError`: `adapter_invalid`, or `adapter_in_use` when it would replace one that runs.
        """
        self._check_unstarted(name, "replace")
        return self.runner.adapters.load(name, path)

    def unload_adapter(self, name: str) -> None:
        """Forgets an adapter. Raises `RequestError`: `unknown_adapter`, or `adapter_in_use` while it runs."""
        self._check_unstarted(name, "unload")
        self.runner.adapters.unload(name)

    def _check_unstarted(self, name: str, verb: str) -> None:
        """A preempted request holds no adapter, but half of its answer is written with it."""
        for sequence in self.scheduler.waiting:
            if sequence.request.adapter == name and sequence.first_scheduled_at is not None:
                raise RequestError(
                    "adapter_in_use",
                    f"Cannot {verb} {name}: an answer begun with it waits to go on. Try again later.",
                )

    def pin_adapter(self, name: str, pinned: bool = True) -> None:
        """Keeps an adapter in memory, or lets it go again when others need its slot."""
        self.runner.adapters.pin(name, pinned)

    def adapters(self) -> list[AdapterInfo]:
        return self.runner.adapters.infos()

    def forget_prefixes(self) -> None:
        """Lets no later prompt take over what earlier ones have computed."""
        self.blocks.forget_prefixes()

    # Requests

    def generate(self, requests: Iterable[GenerationRequest]) -> list[GenerationOutput]:
        """Answers all requests, batched as they fit; outputs are in request order.

        Raises `RequestError` before anything is computed when a request is not valid (see `prepare`) or two
        have the same id. One that fails later disturbs no other: its output says `finish_reason="error"`.
        """
        pending = deque(self.prepare(request) for request in requests)
        self._check_ids(sequence.request.request_id for sequence in pending)
        answers: list[Answer] = []
        try:
            while pending or self.has_work:
                while pending and self.has_room_for(1):
                    answers.append(self.add(pending.popleft()))
                self.step()
        except BaseException:  # Ctrl-C above all: leave nothing behind for the next call
            for answer in answers:
                self.cancel(answer.sequence.request.request_id)
            raise
        return [answer.output for answer in answers]

    def add_request(self, request: GenerationRequest, on_event: OnEvent | None = None) -> Answer:
        """Queues a request; `on_event` is called from `step` and `cancel` with each of its events in turn.

        Raises `RequestError` for what `prepare` refuses, and `overloaded` when the queue is full.
        """
        if not self.has_room_for(1):
            raise self.overloaded()
        return self.add(self.prepare(request), on_event)

    def prepare(self, request: GenerationRequest) -> Sequence:
        """Checks and tokenizes a request. Raises `RequestError`. May be called from any thread."""
        if request.adapter is not None and request.adapter not in self.runner.adapters:
            raise RequestError("unknown_adapter", f"There is no adapter named {request.adapter!r}.")
        if request.prompt is not None:
            if not isinstance(request.prompt, str):
                raise RequestError("invalid_parameter", "prompt must be a text.")
            token_ids = self.tokenizer.encode(request.prompt, request.add_special_tokens)
        else:
            token_ids = request.prompt_token_ids
        vocab_size = self.runner.model_config.vocab_size
        if any(type(token_id) is not int or not 0 <= token_id < vocab_size for token_id in token_ids):
            raise RequestError(
                "invalid_parameter",
                f"The prompt's token ids must be whole numbers from 0 to {vocab_size - 1}.",
            )
        if request.prompt == "" or not token_ids:
            raise RequestError("empty_prompt", "The prompt is empty; give at least one character.")
        if len(token_ids) >= self.max_model_len:
            raise RequestError(
                "prompt_too_long",
                f"The prompt has {len(token_ids)} tokens. Prompt and answer together may have "
                f"{self.max_model_len}, so shorten the prompt to at most {self.max_model_len - 1}.",
            )
        longest = min(len(token_ids) + request.sampling.max_tokens, self.max_model_len)
        return Sequence(request, token_ids, max_len=longest)

    def add(self, sequence: Sequence, on_event: OnEvent | None = None) -> Answer:
        """Queues a prepared sequence."""
        request_id = sequence.request.request_id
        self._check_ids([request_id])
        row = SamplingRow(
            sequence.request.sampling, self.runner.model_config.vocab_size, sequence.prompt_token_ids
        )
        answer = Answer(sequence, row, self.tokenizer, self._eos_token_ids, self.max_model_len, on_event)
        self._answers[request_id] = answer
        self.scheduler.add(sequence)
        answer.queued(len(self.scheduler.waiting))
        return answer

    def cancel(self, request_id: str) -> None:
        """Ends a request wherever it is and frees its row. Does nothing when it has ended already."""
        answer = self._answers.get(request_id)
        if answer is not None:
            answer.sequence.cancelled = True
            self._end(answer, "cancelled")

    @property
    def has_work(self) -> bool:
        return bool(self._answers)

    def has_room_for(self, requests: int) -> bool:
        """Whether that many more requests may queue."""
        return len(self._answers) + requests <= self.config.max_num_seqs + self.config.max_waiting

    def overloaded(self) -> RequestError:
        return RequestError(
            "overloaded", f"{self.config.max_waiting} requests are waiting already; try again in a moment."
        )

    # The step

    def step(self) -> None:
        """Computes one batch: schedule, launch, sample, emit. Events are told before it returns.

        On a device that runs by itself the batch is only launched, and what is emitted is the batch before
        it: the host works while the device does.
        """
        step = self.scheduler.schedule()
        for sequence, error in step.refused:
            if self._has(sequence):
                self._fail(sequence, error)
        for sequence in step.admitted:
            if self._has(sequence):
                self._admitted(sequence)
        before = len(self._in_flight)
        self._launch([item for item in step.batch if self._has(item.sequence)])
        self._land(before)
        launched = [answer for _, answers in self._in_flight for answer in answers]
        if not self.runner.runs_ahead or not all(answer.row.simple for answer in launched):
            self._land(len(self._in_flight))
        self._tell_queue()

    def _has(self, sequence: Sequence) -> bool:
        """Whether it goes on: a listener may have cancelled it since it was scheduled."""
        return sequence.request.request_id in self._answers

    def _admitted(self, sequence: Sequence) -> None:
        if sequence.first_scheduled_at is None:  # otherwise it was preempted: nobody's news
            sequence.first_scheduled_at = time.perf_counter()
            self._prompt_tokens += sequence.num_prompt_tokens
            self._answer_of(sequence).prefill()

    def _launch(self, batch: list[ScheduledSequence]) -> None:
        """Starts the batch, which is in flight then together with the answers that get a token from it.

        When the whole batch raises, each sequence is tried alone, so that only the culprit fails.
        """
        if not batch:
            return
        try:
            launch = self.runner.launch(batch)
        except Exception:
            if len(batch) > 1:
                logger.exception("A step of %d sequences failed; trying them one by one.", len(batch))
                self._land(len(self._in_flight))  # each launch knows the tokens of the one before it alone
                for scheduled in batch:
                    if self._has(scheduled.sequence):
                        self._launch([scheduled])
                        self._land(len(self._in_flight))
                return
            logger.exception("A sequence could not be computed.")
            self._fail(batch[0].sequence, _internal("The model could not compute it."))
            return
        for scheduled in batch:
            self.scheduler.computed(scheduled)
        for sequence in launch.sequences:
            sequence.in_flight += 1
        self._in_flight.append((launch, [self._answer_of(sequence) for sequence in launch.sequences]))

    def _land(self, count: int) -> None:
        """Takes the tokens of the `count` launches that are in flight longest."""
        for _ in range(min(count, len(self._in_flight))):
            launch, answers = self._in_flight[0]
            choices = self._choose(launch, answers)  # Ctrl-C while waiting here leaves it in flight
            del self._in_flight[0]
            for answer in answers:
                answer.sequence.in_flight -= 1
            for answer, choice in zip(answers, choices, strict=True):
                if answer.ended:  # since it was launched
                    continue
                if choice is None:
                    self._fail(answer.sequence, _internal("The model's output for it was not a number."))
                else:
                    self._take(answer, choice)
                    self.scheduler.remember(answer.sequence)

    def _choose(self, launch: Launch, answers: list[Answer]) -> list[Choice | None]:
        try:
            tokens = launch.tokens()  # waits for the device, also where nobody samples
            if tokens is not None and all(answer.row.simple for answer in answers):
                return [Choice(token) if token >= 0 else None for token in tokens]
            return self._sample(launch.logits(), answers) if answers else []
        except Exception:
            logger.exception("The results of a step for %d sequences could not be had.", len(answers))
            return [None] * len(answers)

    def _sample(self, logits: torch.Tensor, answers: list[Answer]) -> list[Choice | None]:
        try:
            return sample(logits, [answer.row for answer in answers])
        except Exception:
            logger.exception("Sampling for %d sequences failed.", len(answers))
            if len(answers) == 1:
                return [None]
            return [
                choice
                for i in range(len(answers))
                for choice in self._sample(logits[i : i + 1], answers[i : i + 1])
            ]

    def _take(self, answer: Answer, choice: Choice) -> None:
        self._generated_tokens += 1
        try:
            reason = answer.take(choice)
        except Exception:
            logger.exception("The answer to %s has no text.", answer.sequence.request.request_id)
            self._fail(answer.sequence, _internal("Its tokens could not be turned into text."))
            return
        if reason is not None and not answer.ended:  # a listener may have cancelled it meanwhile
            self._end(answer, reason)

    def _end(self, answer: Answer, reason: FinishReason) -> None:
        self._forget(answer.sequence)
        try:
            answer.finish(reason)
        except Exception:
            logger.exception("The answer to %s has no text.", answer.sequence.request.request_id)
            answer.fail(_internal("Its tokens could not be turned into text."))

    def _fail(self, sequence: Sequence, error: RequestError) -> None:
        answer = self._answer_of(sequence)
        self._forget(sequence, spoilt=True)
        answer.fail(error)

    def _forget(self, sequence: Sequence, spoilt: bool = False) -> None:
        del self._answers[sequence.request.request_id]
        self.scheduler.remove(sequence, spoilt)

    def _check_ids(self, request_ids: Iterable[str]) -> None:
        seen = set(self._answers)
        for request_id in request_ids:
            if request_id in seen:
                raise RequestError("duplicate_run", f"There is a run {request_id!r} already. Use a new id.")
            seen.add(request_id)

    def _answer_of(self, sequence: Sequence) -> Answer:
        return self._answers[sequence.request.request_id]

    def _acquire_adapter(self, sequence: Sequence) -> LoadedAdapter | None:
        """Holds the sequence's adapter in memory; None while every slot is busy."""
        name = sequence.request.adapter
        adapters = self.runner.adapters
        try:
            tier = adapters.loading_tier(name)
            if tier is not None:
                self._answer_of(sequence).loading(tier)
            return adapters.acquire(name)
        except RequestError:
            raise
        except Exception as error:
            logger.exception("The adapter %s could not be loaded.", name)
            raise RequestError("adapter_invalid", f"The adapter {name!r} could not be loaded.") from error

    def _tell_queue(self) -> None:
        """Tells waiting requests their place where it has changed, a few times a second at most."""
        if self.scheduler.waiting and (now := time.perf_counter()) >= self._queue_news_at:
            self._queue_news_at = now + QUEUE_NEWS_SECONDS
            for position, sequence in enumerate(self.scheduler.waiting, start=1):
                self._answer_of(sequence).queued(position)

    # Life

    def stats(self) -> EngineStats:
        """A snapshot. May be called from any thread."""
        running = list(self.scheduler.running)
        return EngineStats(
            model=Path(self.config.model).name,
            device=self.config.device,
            max_model_len=self.max_model_len,
            running=len(running),
            waiting=len(self.scheduler.waiting),
            batch=tuple(sequence.request.adapter for sequence in running),
            kv_blocks_used=self.blocks.num_used,
            kv_blocks_total=self.blocks.num_blocks,
            block_size=self.blocks.block_size,
            prompt_tokens=self._prompt_tokens,
            generated_tokens=self._generated_tokens,
            preemptions=self.scheduler.preemptions,
            prefix_hit_tokens=self.blocks.prefix_hit_tokens,
            prefix_lookup_tokens=self.blocks.prefix_lookup_tokens,
            adapters_loaded=self.runner.adapters.num_loaded,
        )

    def close(self) -> None:
        """Ends every request with `interrupted`. The engine can be used again, or left to the collector."""
        for answer in list(self._answers.values()):
            self._fail(answer.sequence, interrupted())
        self._land(len(self._in_flight))

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make_runner(config: EngineConfig) -> Runner:
    """Raises `CheckpointError` for a model and `ValueError` for settings that cannot be served."""
    if pick_device(config.device).type == "cuda":
        from inference.gpu.runner import GpuRunner, serves

        if serves(config):
            return GpuRunner(config)
    return ModelRunner(config)


def interrupted() -> RequestError:
    return RequestError("interrupted", "The engine stopped before the answer was complete. Send it again.")


def _internal(sentence: str) -> RequestError:
    return RequestError("internal", f"This request failed inside the engine. {sentence} Others go on.")
