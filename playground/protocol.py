"""The playground's WebSocket messages. JSON text frames only; `id` names a run and is made by the browser.

Client to server:

    {"type": "start", "id": uuid, "task": slug, "variables": {name: text},
     "panes": [{"adapter": slug | null}, …], "sampling": {…}}     or "prompt": text in place of variables
    {"type": "resume", "id": uuid, "cursors": {"0": seq, …}}      what each pane has seen; absent is 0
    {"type": "stop", "id": uuid, "pane": index}                   no pane: all of them
    {"type": "ping"}

Server to client:

    {"type": "started", "id", "prompt", "variables", "prompt_tokens", "sampling", "gold",
     "panes": [{"pane", "adapter", "name"}]}
    {"type": "event", "id", "pane", "seq", "kind", …}     kind: queued, loading, prefill, tokens, done, error
    {"type": "error", "id" | null, "code", "message"}             about a command; the socket stays open
    {"type": "pong"}

Starting the same id again is a resume from the beginning, so a browser may repeat a `start` it is unsure of.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

from inference.request import RequestError, SamplingParams

MAX_FRAME_BYTES = 65_536
MAX_PANES = 8
MAX_PROMPT_CHARACTERS = 40_000
COMMANDS = ("start", "resume", "stop", "ping")


class BadMessage(ValueError):
    """A frame that is no valid command. `run_id` is the id it named, when it named one."""

    def __init__(self, message: str, run_id: str | None = None):
        super().__init__(message)
        self.message = message
        self.run_id = run_id


def _uuid(value: str) -> str:
    try:
        UUID(value)
    except ValueError:
        raise ValueError("must be a UUID") from None
    return value


RunId = Annotated[str, Field(max_length=36), AfterValidator(_uuid)]
Slug = Annotated[str, Field(min_length=1, max_length=64)]


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Sampling(Message):
    """Sampling parameters a visitor may set; what is left out comes from the task. Ranges: the engine's."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: list[str] | None = None
    ignore_eos: bool | None = None

    def over(self, defaults: dict[str, Any]) -> SamplingParams:
        """These values over `defaults`. Raises `RequestError` (`invalid_parameter`) for one out of range."""
        given = {name: value for name, value in self.model_dump().items() if value is not None}
        try:
            return SamplingParams(**{**defaults, **given})
        except TypeError as error:
            raise RequestError("invalid_parameter", f"The sampling defaults are wrong: {error}.") from None


class PaneOrder(Message):
    adapter: Slug | None = None


class RunCommand(Message):
    id: RunId

    @property
    def run_id(self) -> UUID:
        return UUID(self.id)


class Start(RunCommand):
    type: Literal["start"]
    task: Slug | None = None
    variables: dict[str, str] | None = None
    prompt: str | None = None
    panes: Annotated[list[PaneOrder], Field(min_length=1, max_length=MAX_PANES)]
    sampling: Sampling = Sampling()

    @model_validator(mode="after")
    def one_kind_of_prompt(self) -> Start:
        if (self.prompt is None) == (self.variables is None):
            raise ValueError("give either prompt or variables")
        if self.variables is not None and self.task is None:
            raise ValueError("variables need a task")
        return self


class Resume(RunCommand):
    type: Literal["resume"]
    cursors: dict[Annotated[str, Field(pattern=r"^\d{1,3}$")], Annotated[int, Field(ge=0)]] = {}

    def cursor(self, pane: int) -> int:
        return self.cursors.get(str(pane), 0)


class Stop(RunCommand):
    type: Literal["stop"]
    pane: Annotated[int, Field(ge=0)] | None = None


class Ping(Message):
    type: Literal["ping"]


Command = Start | Resume | Stop | Ping
_command = TypeAdapter(Annotated[Command, Field(discriminator="type")])


def parse(text: str) -> Command:
    """The command in a text frame. Raises `BadMessage` with a sentence for whoever wrote the client."""
    try:
        data = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise BadMessage(f"The message is not JSON: {error}.") from None
    if not isinstance(data, dict):
        raise BadMessage("A message must be a JSON object with a type.")
    given = data.get("id")
    run_id = given if isinstance(given, str) and len(given) <= 64 else None
    kind = data.get("type")
    if kind not in COMMANDS:
        raise BadMessage(f"Unknown message type {kind!r:.60}. Known are {', '.join(COMMANDS)}.", run_id)
    try:
        return _command.validate_python(data)
    except ValidationError as error:
        raise BadMessage(f"The {kind} message is not valid: {complaints(error)}", run_id) from None


def complaints(error: ValidationError) -> str:
    """Up to three of pydantic's findings as one sentence."""
    parts = []
    for finding in error.errors(include_url=False, include_input=False, include_context=False)[:3]:
        place = ".".join(str(part) for part in finding["loc"] if part not in COMMANDS)
        message = finding["msg"].removeprefix("Value error, ")
        parts.append(f"{place}: {message}" if place else message)
    return "; ".join(parts) + "."


def error_frame(run_id: str | None, code: str, message: str) -> dict[str, Any]:
    return {"type": "error", "id": run_id, "code": code, "message": message}
