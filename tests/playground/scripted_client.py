"""An `InferenceClient` that plays scripts instead of running a model: what it says, and when, is exact.

    client = ScriptedClient()
    client.script("sst2", Script(["pos", "itive"]))        # an adapter and its pieces of text, one token each
    client.script(None, Script(["I", " think"], seconds_per_token=0.05))
    client.script("slow", Script(["a", "b"], held=True))   # each token waits for client.release(run_id)

Runs, event logs, cancellation and their failure modes follow the contract in `inference.client`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from inference.request import (
    AdapterInfo,
    Done,
    EngineStats,
    Event,
    Failed,
    GenerationRequest,
    Loading,
    Prefill,
    Queued,
    RequestError,
    Timings,
    TokenLogprob,
    Tokens,
    Usage,
    is_terminal,
)


@dataclass(frozen=True, slots=True)
class Script:
    """What one adapter answers. `fail` ends the answer with that code and sentence after its pieces.
    `refuse` is raised when the run is submitted. With `echo`, the answer is the prompt's words."""

    pieces: Iterable[str] = ("An", " answer", ".")
    seconds_per_token: float = 0.0
    seconds_to_first: float = 0.0
    held: bool = False
    loading: bool = False
    fail: tuple[str, str] | None = None
    refuse: tuple[str, str] | None = None
    finish_reason: str = "stop"
    echo: bool = False


@dataclass(eq=False)
class ScriptedRun:
    request: GenerationRequest
    log: list[Event] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    allowed: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task | None = None

    @property
    def ended(self) -> bool:
        return bool(self.log) and is_terminal(self.log[-1])


class ScriptedClient:
    """Timings in `Done` are by the script, not by the clock: `seconds_to_first` and `seconds_per_token`."""

    def __init__(self, max_model_len: int = 256) -> None:
        self.scripts: dict[str | None, Script] = {None: Script()}
        self.runs: dict[str, ScriptedRun] = {}
        self.registered: dict[str, AdapterInfo] = {}
        self.max_model_len = max_model_len
        self.running = False

    # Scripting

    def script(self, adapter: str | None, script: Script) -> None:
        self.scripts[adapter] = script
        if adapter is not None:
            self.register(adapter)

    def register(self, name: str) -> AdapterInfo:
        info = AdapterInfo(
            name, "loaded", rank=8, targets=("q_proj",), size_bytes=1024, content_hash="0" * 64
        )
        self.registered[name] = info
        return info

    def pane(self, run_id: str, index: int = 0) -> str:
        """The id under which the site has submitted a pane of its run."""
        (found,) = [each for each in self.runs if each.startswith(f"{run_id.replace('-', '')}-{index}-")]
        return found

    def release(self, run_id: str, tokens: int = 1) -> None:
        """Lets a held run make `tokens` more tokens; one past the last lets it end."""
        for _ in range(tokens):
            self.runs[run_id].allowed.release()

    def expire(self, run_id: str) -> None:
        """Forgets an ended run's log, as time would."""
        assert self.runs[run_id].ended
        del self.runs[run_id]

    async def ended(self, run_id: str) -> None:
        """Waits for the run's last event."""
        run = self.runs[run_id]
        async with run.changed:
            await run.changed.wait_for(lambda: run.ended)

    # The contract

    async def start(self) -> None:
        self.running = True

    async def close(self) -> None:
        self.running = False
        for run in self.runs.values():
            run.cancelled.set()
        await asyncio.gather(*(run.task for run in self.runs.values() if run.task))

    async def submit(self, request: GenerationRequest) -> str:
        run_id = request.request_id
        script = self.scripts.get(request.adapter, self.scripts[None])
        if run_id in self.runs:
            raise RequestError("duplicate_run", f"There is a run {run_id} already.")
        if request.adapter is not None and request.adapter not in self.registered:
            raise RequestError("unknown_adapter", f"There is no adapter named {request.adapter!r}.")
        if script.refuse:
            raise RequestError(*script.refuse)
        prompt_tokens = len(self.prompt_tokens(request))
        if prompt_tokens >= self.max_model_len:
            raise RequestError(
                "prompt_too_long",
                f"The prompt has {prompt_tokens} tokens; the model reads at most {self.max_model_len}.",
            )
        run = self.runs[run_id] = ScriptedRun(request)
        run.task = asyncio.create_task(self._play(run, script))
        return run_id

    async def events(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        if run_id not in self.runs:
            raise RequestError("unknown_run", f"There is no run {run_id}.")
        run = self.runs[run_id]
        while True:
            async with run.changed:
                await run.changed.wait_for(lambda seen=after: len(run.log) > seen or run.ended)
                news = run.log[after:]
            for event in news:
                after = event.seq
                yield event
            if run.ended and after >= len(run.log):
                return

    async def cancel(self, run_id: str) -> None:
        if run_id not in self.runs:
            raise RequestError("unknown_run", f"There is no run {run_id}.")
        self.runs[run_id].cancelled.set()

    async def adapters(self) -> list[AdapterInfo]:
        return list(self.registered.values())

    async def load_adapter(self, name: str, path: str | Path) -> AdapterInfo:
        return self.register(name)

    async def unload_adapter(self, name: str) -> None:
        del self.registered[name]

    async def pin_adapter(self, name: str, pinned: bool = True) -> None:
        self.registered[name] = replace(self.registered[name], pinned=pinned)

    async def stats(self) -> EngineStats:
        active = [run for run in self.runs.values() if not run.ended]
        return EngineStats(
            model="scripted",
            device="cpu",
            max_model_len=self.max_model_len,
            running=len(active),
            waiting=0,
            batch=tuple(run.request.adapter for run in active),
            kv_blocks_used=0,
            kv_blocks_total=64,
            block_size=16,
            prompt_tokens=0,
            generated_tokens=0,
            preemptions=0,
            adapters_loaded=len(self.registered),
        )

    async def count_tokens(self, prompt: str) -> int:
        return len(prompt.split())

    async def render_chat(self, messages: list[dict[str, str]]) -> str:
        return "\n\n".join(message["content"] for message in messages)

    # Playing

    @staticmethod
    def prompt_tokens(request: GenerationRequest) -> tuple:
        return request.prompt_token_ids if request.prompt is None else tuple(request.prompt.split())

    async def _add(self, run: ScriptedRun, event: Event) -> None:
        async with run.changed:
            run.log.append(event)
            run.changed.notify_all()

    async def _play(self, run: ScriptedRun, script: Script) -> None:
        prompt_tokens = len(self.prompt_tokens(run.request))
        seq = 0

        def following() -> int:
            nonlocal seq
            seq += 1
            return seq

        await self._add(run, Queued(following(), position=1))
        if script.loading:
            await self._add(run, Loading(following(), tier="disk"))
        await self._add(run, Prefill(following(), prompt_tokens=prompt_tokens))
        pieces = [f" {word}" for word in run.request.prompt.split()] if script.echo else list(script.pieces)
        limited = pieces[: run.request.sampling.max_tokens]
        made = 0
        for number, piece in enumerate(limited):
            wait = script.seconds_to_first if number == 0 else script.seconds_per_token
            if await self._cancelled(run, script, wait):
                break
            made += 1
            logprobs = None
            if run.request.sampling.logprobs is not None:
                top = ((made, piece, -0.5), (made + 1, "other", -1.5))[: run.request.sampling.logprobs]
                logprobs = (TokenLogprob(made, piece, -0.5, top),)
            await self._add(run, Tokens(following(), piece, (made,), logprobs))
        first = script.seconds_to_first * 1000 if made else None
        total = (script.seconds_to_first + script.seconds_per_token * max(0, made - 1)) * 1000
        if not run.cancelled.is_set() and script.held:
            await self._cancelled(run, script, 0.0)  # the end waits for a release too
        if run.cancelled.is_set():
            reason = "cancelled"
        elif script.fail:
            await self._add(run, Failed(following(), *script.fail))
            return
        else:
            reason = "length" if len(limited) < len(pieces) else script.finish_reason
        await self._add(
            run, Done(following(), reason, Usage(prompt_tokens, made), Timings(0.0, first, total))
        )

    @staticmethod
    async def _cancelled(run: ScriptedRun, script: Script, seconds: float) -> bool:
        """Waits for the next token's moment; true when the run was cancelled before it came."""
        moment = run.allowed.acquire() if script.held else asyncio.sleep(seconds)
        waiting = [asyncio.ensure_future(moment), asyncio.ensure_future(run.cancelled.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        return run.cancelled.is_set()
