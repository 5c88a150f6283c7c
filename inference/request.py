"""What enters and leaves the engine: requests, sampling parameters, outputs and run events.

Everything here is plain data that can cross a process border. `to_wire` and `event_from_wire` give and read
JSON-ready dictionaries, the form in which run logs are stored and sent to browsers.
"""

from __future__ import annotations

import math
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

FinishReason = Literal["stop", "length", "cancelled", "error"]
MAX_LOGPROBS = 20
MAX_STOP_STRINGS = 16


class RequestError(ValueError):
    """A request that cannot be served. `code` is for programs, the message is a sentence for people.

    Codes: `invalid_parameter`, `empty_prompt`, `prompt_too_long`, `unknown_adapter`, `adapter_invalid`,
    `adapter_in_use`, `unknown_run`, `duplicate_run`, `overloaded`, `unavailable`, `interrupted`, `internal`.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self):
        return type(self), (self.code, self.message)


def _check(condition: bool, sentence: str) -> None:
    if not condition:
        raise RequestError("invalid_parameter", sentence)


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_int(value)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen and when to stop. Raises `RequestError` for values out of range.

    `temperature` 0 is greedy. `top_k` 0, `top_p` 1 and `min_p` 0 switch those filters off. Penalties follow
    the field: `repetition_penalty` divides or multiplies logits of tokens in prompt and output (CTRL,
    arXiv 1909.05858), `presence_penalty` and `frequency_penalty` subtract by output tokens (OpenAI).
    `seed` makes the text reproducible whatever else is in the batch; without one each request draws its own.
    `stop` strings end the text and are not part of it. `logprobs` asks for that many alternatives per token
    (0 gives the chosen token's alone).
    """

    max_tokens: int = 128
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False
    logprobs: int | None = None

    def __post_init__(self) -> None:
        stop = (self.stop,) if isinstance(self.stop, str) else self.stop or ()
        _check(isinstance(stop, (list, tuple)), f"stop must be a list of strings, not {stop!r:.80}.")
        stop = tuple(stop)
        object.__setattr__(self, "stop", stop)
        _check(
            _is_int(self.max_tokens) and self.max_tokens >= 1,
            f"max_tokens must be a whole number of at least 1, not {self.max_tokens!r:.80}.",
        )
        _check(
            _is_number(self.temperature) and 0 <= self.temperature <= 10,
            f"temperature must be a number from 0 to 10, not {self.temperature!r:.80}.",
        )
        _check(
            _is_number(self.top_p) and 0 < self.top_p <= 1,
            f"top_p must be above 0 and at most 1, not {self.top_p!r:.80}.",
        )
        _check(
            _is_int(self.top_k) and self.top_k >= 0,
            f"top_k must be a whole number of at least 0 (0 switches it off), not {self.top_k!r:.80}.",
        )
        _check(
            _is_number(self.min_p) and 0 <= self.min_p <= 1,
            f"min_p must be from 0 to 1, not {self.min_p!r:.80}.",
        )
        _check(
            _is_number(self.repetition_penalty) and 0.01 <= self.repetition_penalty <= 10,
            f"repetition_penalty must be from 0.01 to 10, not {self.repetition_penalty!r:.80}.",
        )
        for name in ("presence_penalty", "frequency_penalty"):
            value = getattr(self, name)
            _check(_is_number(value) and -2 <= value <= 2, f"{name} must be from -2 to 2, not {value!r:.80}.")
        _check(
            self.seed is None or (_is_int(self.seed) and 0 <= self.seed < 2**63),
            f"seed must be a whole number from 0 to 2**63 - 1, not {self.seed!r:.80}.",
        )
        _check(
            len(stop) <= MAX_STOP_STRINGS and all(isinstance(s, str) and s for s in stop),
            f"stop must hold at most {MAX_STOP_STRINGS} strings, none of them empty.",
        )
        _check(
            isinstance(self.ignore_eos, bool),
            f"ignore_eos must be true or false, not {self.ignore_eos!r:.80}.",
        )
        _check(
            self.logprobs is None or (_is_int(self.logprobs) and 0 <= self.logprobs <= MAX_LOGPROBS),
            f"logprobs must be a whole number from 0 to {MAX_LOGPROBS}, not {self.logprobs!r:.80}.",
        )


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt for one adapter. Exactly one of `prompt` and `prompt_token_ids` is given.

    `adapter` None is the bare base model. `request_id` names the run and is an idempotency key: submitting an
    equal request again is the same run, another request under its id is an error (`duplicate_run`).
    `add_special_tokens` says whether the tokenizer puts its beginning-of-sequence token before `prompt`.
    """

    prompt: str | None = None
    prompt_token_ids: tuple[int, ...] | None = None
    adapter: str | None = None
    sampling: SamplingParams = field(default_factory=SamplingParams)
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    add_special_tokens: bool = True

    def __post_init__(self) -> None:
        _check(
            (self.prompt is None) != (self.prompt_token_ids is None),
            "Give exactly one of prompt and prompt_token_ids.",
        )
        if self.prompt_token_ids is not None:
            try:
                object.__setattr__(self, "prompt_token_ids", tuple(self.prompt_token_ids))
            except TypeError:
                raise RequestError(
                    "invalid_parameter", "prompt_token_ids must be a list of numbers."
                ) from None
        _check(
            self.adapter is None or isinstance(self.adapter, str),
            f"adapter must be a name or None for the base, not {self.adapter!r:.80}.",
        )
        _check(isinstance(self.sampling, SamplingParams), "sampling must be a SamplingParams.")

    def to_wire(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_wire(cls, data: dict[str, Any]) -> GenerationRequest:
        sampling = SamplingParams(**{**data["sampling"], "stop": tuple(data["sampling"].get("stop") or ())})
        return cls(**{**data, "sampling": sampling})


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """Natural-log probability of one token before temperature and filters, and those of the likeliest."""

    token_id: int
    text: str
    logprob: float
    top: tuple[tuple[int, str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the request was submitted. `first_token_ms` is None when no token was made."""

    queue_ms: float
    first_token_ms: float | None
    total_ms: float

    def tokens_per_second(self, completion_tokens: int) -> float | None:
        """Decode speed: tokens after the first over the time they took; None with fewer than two tokens."""
        if self.first_token_ms is None or completion_tokens < 2 or self.total_ms <= self.first_token_ms:
            return None
        return (completion_tokens - 1) * 1000 / (self.total_ms - self.first_token_ms)


@dataclass(frozen=True, slots=True)
class GenerationOutput:
    """The finished answer to one `GenerationRequest`.

    When the request failed on the way, `finish_reason` is `error`, `error` says why, and text and tokens are
    what there was until then.
    """

    request_id: str
    adapter: str | None
    prompt_token_ids: tuple[int, ...]
    text: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason
    logprobs: tuple[TokenLogprob, ...] | None
    usage: Usage
    timings: Timings
    error: RequestError | None = None


# Run events. `seq` counts from 1 within a run; the last event of a run is always Done or Failed.


@dataclass(frozen=True, slots=True)
class Queued:
    """Waiting for a place in the batch; `position` 1 is next."""

    kind: ClassVar[str] = "queued"
    seq: int
    position: int


@dataclass(frozen=True, slots=True)
class Loading:
    """The adapter is on its way into the engine's memory from `tier` (`disk` or `host`)."""

    kind: ClassVar[str] = "loading"
    seq: int
    tier: str


@dataclass(frozen=True, slots=True)
class Prefill:
    """The prompt is being read."""

    kind: ClassVar[str] = "prefill"
    seq: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """New text. `text` may be empty while a character or a possible stop string is incomplete."""

    kind: ClassVar[str] = "tokens"
    seq: int
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    kind: ClassVar[str] = "done"
    seq: int
    finish_reason: FinishReason
    usage: Usage
    timings: Timings


@dataclass(frozen=True, slots=True)
class Failed:
    kind: ClassVar[str] = "error"
    seq: int
    code: str
    message: str


Event = Queued | Loading | Prefill | Tokens | Done | Failed
EVENT_TYPES: dict[str, type] = {cls.kind: cls for cls in (Queued, Loading, Prefill, Tokens, Done, Failed)}


def is_terminal(event: Event) -> bool:
    """Whether this event ends its run."""
    return isinstance(event, (Done, Failed))


def to_wire(event: Event) -> dict[str, Any]:
    """A JSON-ready dictionary with `kind`, `seq` and the event's own fields."""
    return {"kind": event.kind, **asdict(event)}


def event_from_wire(data: dict[str, Any]) -> Event:
    """The event that `to_wire` wrote. Raises `KeyError` for an unknown kind."""
    data = dict(data)
    cls = EVENT_TYPES[data.pop("kind")]
    if cls is Tokens:
        data["token_ids"] = tuple(data["token_ids"])
        if data.get("logprobs") is not None:
            data["logprobs"] = tuple(
                TokenLogprob(**{**entry, "top": tuple(tuple(t) for t in entry["top"])})
                for entry in data["logprobs"]
            )
    elif cls is Done:
        data["usage"] = Usage(**data["usage"])
        data["timings"] = Timings(**data["timings"])
    return cls(**data)


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """One registered adapter. `state` is `registered` (known, not in memory), `loaded` or `failed`."""

    name: str
    state: Literal["registered", "loading", "loaded", "failed"]
    rank: int
    targets: tuple[str, ...]
    size_bytes: int
    content_hash: str
    running: int = 0
    pinned: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class EngineStats:
    """A snapshot. `batch` names the adapter of each running row (None for the base).

    Of `prefix_lookup_tokens` in prompts so far, `prefix_hit_tokens` were found in the cache.
    """

    model: str
    device: str
    max_model_len: int
    running: int
    waiting: int
    batch: tuple[str | None, ...]
    kv_blocks_used: int
    kv_blocks_total: int
    block_size: int
    prompt_tokens: int
    generated_tokens: int
    preemptions: int
    adapters_loaded: int
    prefix_hit_tokens: int = 0
    prefix_lookup_tokens: int = 0
