"""One request's growing answer: from token ids to text, stop conditions and events."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from inference.request import (
    Done,
    Event,
    Failed,
    FinishReason,
    GenerationOutput,
    Loading,
    Prefill,
    Queued,
    RequestError,
    Timings,
    TokenLogprob,
    Tokens,
    Usage,
)
from inference.sequence import Sequence
from inference.tokenization import StopMatcher, Tokenizer

if TYPE_CHECKING:
    from inference.sampling import Choice, SamplingRow

logger = logging.getLogger(__name__)

OnEvent = Callable[[Event], None]


class Answer:
    """What one sequence has said so far. It ends once, and then has its `output`."""

    def __init__(
        self,
        sequence: Sequence,
        row: SamplingRow,
        tokenizer: Tokenizer,
        eos_token_ids: frozenset[int],
        max_model_len: int,
        on_event: OnEvent | None,
    ):
        self.sequence = sequence
        self.row = row
        self.output: GenerationOutput | None = None
        sampling = sequence.request.sampling
        self._tokenizer = tokenizer
        self._eos_token_ids = frozenset() if sampling.ignore_eos else eos_token_ids
        self._last_length = min(sequence.num_prompt_tokens + sampling.max_tokens, max_model_len)
        self._detokenizer = tokenizer.detokenizer(sequence.prompt_token_ids)
        self._stops = StopMatcher(sampling.stop)
        self._pieces: list[str] = []
        self._logprobs: list[TokenLogprob] | None = None if sampling.logprobs is None else []
        self._on_event = on_event
        self._seq = 0
        self._position = 0

    @property
    def ended(self) -> bool:
        return self.output is not None

    def queued(self, position: int) -> None:
        """Tells the place in the queue, if it is another one than last time."""
        if position != self._position and self.sequence.first_scheduled_at is None:
            self._position = position
            self._emit(Queued, position)

    def loading(self, tier: str) -> None:
        """Tells that the adapter is being fetched."""
        self._emit(Loading, tier)

    def prefill(self) -> None:
        """Tells that the prompt is being read."""
        self._emit(Prefill, self.sequence.num_prompt_tokens)

    def take(self, choice: Choice) -> FinishReason | None:
        """Appends the chosen token and tells its text. Returns why the answer is complete, if it is."""
        token_id = choice.token_id
        sequence = self.sequence
        text = self._stops.add(self._detokenizer.add(token_id))
        logprobs = None
        if self._logprobs is not None:
            logprobs = (self._describe(choice),)
            self._logprobs += logprobs
        if sequence.first_token_at is None:
            sequence.first_token_at = time.perf_counter()
        sequence.token_ids.append(token_id)
        self.row.take(token_id)

        reason: FinishReason | None = None
        if self._stops.stopped or token_id in self._eos_token_ids:
            reason = "stop"
        elif len(sequence.token_ids) >= self._last_length:
            reason = "length"
        if reason and not self._stops.stopped:
            text += self._remaining_text()
            reason = "stop" if self._stops.stopped else reason
        self._pieces.append(text)
        self._emit(Tokens, text, (token_id,), logprobs)
        return reason

    def finish(self, reason: FinishReason) -> None:
        """Ends the answer; text that was held back in case it became a stop string is told first."""
        if reason == "cancelled" and (text := self._remaining_text()):
            self._pieces.append(text)
            self._emit(Tokens, text, ())
        self.output = self._conclude(reason)
        self._emit(Done, reason, self.output.usage, self.output.timings)

    def fail(self, error: RequestError) -> None:
        """Ends the answer with what it has; text that was held back stays untold."""
        self.output = self._conclude("error", error)
        self._emit(Failed, error.code, error.message)

    def _conclude(self, reason: FinishReason, error: RequestError | None = None) -> GenerationOutput:
        sequence = self.sequence
        output_ids = tuple(sequence.output_token_ids)
        return GenerationOutput(
            request_id=sequence.request.request_id,
            adapter=sequence.request.adapter,
            prompt_token_ids=sequence.prompt_token_ids,
            text="".join(self._pieces),
            token_ids=output_ids,
            finish_reason=reason,
            logprobs=None if self._logprobs is None else tuple(self._logprobs),
            usage=Usage(sequence.num_prompt_tokens, len(output_ids)),
            timings=self._timings(),
            error=error,
        )

    def _remaining_text(self) -> str:
        shown = self._stops.add(self._detokenizer.finish())
        return shown if self._stops.stopped else shown + self._stops.finish()

    def _describe(self, choice: Choice) -> TokenLogprob:
        text = self._tokenizer.token_text
        top = tuple((token_id, text(token_id), logprob) for token_id, logprob in choice.top)
        return TokenLogprob(choice.token_id, text(choice.token_id), choice.logprob, top)

    def _timings(self) -> Timings:
        sequence = self.sequence
        now = time.perf_counter()

        def since_submission(moment: float) -> float:
            return (moment - sequence.submitted_at) * 1000

        return Timings(
            queue_ms=since_submission(sequence.first_scheduled_at or now),
            first_token_ms=since_submission(sequence.first_token_at) if sequence.first_token_at else None,
            total_ms=since_submission(now),
        )

    def _emit(self, kind: type[Event], *fields: object) -> None:
        if self._on_event is None:
            return
        self._seq += 1
        try:
            self._on_event(kind(self._seq, *fields))
        except Exception:  # a listener's fault must not reach the batch
            logger.exception("The listener of %s failed and hears no more.", self.sequence.request.request_id)
            self._on_event = None
