"""What a request to the API may hold. What would change the answer's meaning and is not served is refused by
name, never ignored; what changes nothing here (`user`, `metadata`, …) is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.request import SamplingParams
from playground.api.errors import ApiError

MAX_CHOICES = 32
WITHOUT_EFFECT = {
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "parallel_tool_calls",
    "moderation",
}
# Parameters that are not served, with the values that ask for nothing and are therefore welcome.
NOT_SERVED: dict[str, Callable[[Any], bool]] = {
    "suffix": lambda value: value == "",
    "logit_bias": lambda value: value == {},
    "tools": lambda value: value == [],
    "tool_choice": lambda value: value in ("none", "auto"),
    "functions": lambda value: value == [],
    "function_call": lambda value: value in ("none", "auto"),
    "response_format": lambda value: value == {"type": "text"},
    "modalities": lambda value: value == ["text"],
    "audio": lambda value: False,
    "prediction": lambda value: False,
    "reasoning_effort": lambda value: value == "none",
    "verbosity": lambda value: value == "medium",
    "web_search_options": lambda value: False,
}


class StreamOptions(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")
    include_usage: bool = False


class GenerationBody(BaseModel):
    """The parameters that both endpoints share."""

    model_config = ConfigDict(strict=True, extra="allow")

    model: str
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    # Beyond OpenAI: the engine's own.
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    ignore_eos: bool | None = None

    ENGINE: ClassVar[tuple[str, ...]] = (
        "temperature",
        "top_p",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "top_k",
        "min_p",
        "repetition_penalty",
        "ignore_eos",
    )

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """Checks a request body. Raises `ApiError` naming the first parameter that is wrong."""
        try:
            body = cls.model_validate(data)
        except ValidationError as error:
            finding = error.errors(include_url=False, include_input=False, include_context=False)[0]
            param = ".".join(str(part) for part in finding["loc"] if not _is_branch(part))
            sentence = finding["msg"].removeprefix("Value error, ")
            raise ApiError(
                f"{param}: {sentence}." if param else f"{sentence}.", param=param or None
            ) from None
        for name, value in (body.model_extra or {}).items():
            if value is None or name in WITHOUT_EFFECT:
                continue
            if name not in NOT_SERVED:
                raise ApiError(f"The parameter {name!r:.80} is not known here.", param=name)
            if not NOT_SERVED[name](value):
                raise ApiError(f"The parameter {name} is not supported by this server.", param=name)
        if body.stream_options is not None and not body.stream:
            raise ApiError("stream_options is only allowed when stream is true.", param="stream_options")
        return body

    @property
    def choices(self) -> int:
        return self.n or 1

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def sampling(self, choice: int, max_tokens: int, logprobs: int | None) -> SamplingParams:
        """Sampling for one of the `n` choices; with a seed, each has its own. Raises `RequestError`."""
        given = {name: getattr(self, name) for name in self.ENGINE if getattr(self, name) is not None}
        if "seed" in given:
            given["seed"] += choice
        return SamplingParams(max_tokens=max_tokens, logprobs=logprobs, **given)


def _is_branch(part: Any) -> bool:
    """Whether a part of pydantic's path names a branch of a union instead of something the client wrote."""
    return isinstance(part, str) and ("[" in part or part in ("str", "int"))


class CompletionBody(GenerationBody):
    prompt: str | list[str] | list[int] | list[list[int]]
    echo: bool | None = None
    best_of: int | None = None
    logprobs: int | None = None

    DEFAULT_MAX_TOKENS: ClassVar[int] = 16

    @property
    def prompts(self) -> list[str | list[int]]:
        """One entry per prompt; a lone list of numbers is one prompt of token ids. Raises `ApiError`."""
        prompt = self.prompt
        if isinstance(prompt, str) or (prompt and isinstance(prompt[0], int)):
            prompt = [prompt]
        if not prompt:
            raise ApiError("prompt must hold at least one prompt.", param="prompt")
        if len(prompt) * self.choices > MAX_CHOICES:
            raise ApiError(
                f"{len(prompt)} prompts with n={self.choices} are more than {MAX_CHOICES} answers at once.",
                param="prompt",
            )
        return prompt

    def refuse_combinations(self) -> None:
        if self.best_of is not None and self.best_of != self.choices:
            raise ApiError("best_of is not supported; it must equal n.", param="best_of")
        if self.echo and self.logprobs is not None:
            raise ApiError("echo cannot be combined with logprobs here.", param="echo")
        if self.echo and not all(isinstance(prompt, str) for prompt in self.prompts):
            raise ApiError("echo needs prompts given as text, not as token ids.", param="echo")


class TextPart(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    type: Literal["text"]
    text: str


class Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    def plain(self) -> dict[str, str]:
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class ChatBody(GenerationBody):
    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None

    @property
    def token_limit(self) -> int | None:
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def logprob_count(self) -> int | None:
        """How many alternatives per token to ask of the engine. Raises `ApiError`."""
        if self.top_logprobs is not None and not self.logprobs:
            raise ApiError("top_logprobs needs logprobs to be true.", param="top_logprobs")
        return (self.top_logprobs or 0) if self.logprobs else None
