"""Any OpenAI-compatible endpoint, asked as GPT-4 was in the paper: each prompt once, greedily."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from training.errors import TrainingError
from training.questions import Question

KEYS = ("LORALAND_ENDPOINT_KEY", "OPENAI_API_KEY")
TRANSIENT = {408, 409, 425, 429, 500, 502, 503, 504}
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` is that of the API, such as https://api.openai.com/v1; `model` the name it knows.

    `api` `chat` sends each prompt as a user's message to /chat/completions, `completions` as it is to
    /completions. The key comes from the environment variable LORALAND_ENDPOINT_KEY, or OPENAI_API_KEY, and is
    sent to `url` alone. `attempts` are made while the endpoint is busy, `concurrency` requests at a time.
    """

    url: str
    model: str
    api: Literal["chat", "completions"] = "chat"
    concurrency: int = 8
    attempts: int = 6
    timeout: float = 120.0

    @property
    def identity(self) -> str:
        return f"{self.url.rstrip('/')} {self.model} {self.api}"

    def answers(self, asked: Iterable[Question]) -> Iterator[tuple[Question, str, str]]:
        """(question, text, finish reason), each as soon as it is there.

        Raises `TrainingError` with the remedy when the endpoint refuses, or does not answer after several
        attempts; what was given before has been yielded.
        """
        headers = {"Authorization": f"Bearer {key}"} if (key := _key()) else {}
        giving_up = threading.Event()
        with (
            httpx.Client(
                base_url=self.url.rstrip("/") + "/", headers=headers, timeout=self.timeout
            ) as client,
            ThreadPoolExecutor(self.concurrency) as pool,
        ):
            source, running = iter(asked), {}
            try:
                while True:
                    while len(running) < 2 * self.concurrency and (question := next(source, None)):
                        running[pool.submit(self._ask, client, question, giving_up)] = question
                    if not running:
                        return
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        question = running.pop(future)
                        yield question, *future.result()
            finally:
                giving_up.set()
                for future in running:
                    future.cancel()

    def _ask(self, client: httpx.Client, question: Question, giving_up: threading.Event) -> tuple[str, str]:
        reason = ""
        for attempt in range(self.attempts):
            if giving_up.is_set():
                break
            pause = min(LONGEST_PAUSE, 0.5 * 2**attempt)
            try:
                response = client.post(
                    "chat/completions" if self.api == "chat" else "completions", json=self._body(question)
                )
            except httpx.TransportError as error:
                reason = f"{type(error).__name__}: {error}".rstrip(".")
            else:
                if response.status_code == 200:
                    return self._read(response)
                reason = f"status {response.status_code}: {_complaint(response)}"
                if response.status_code not in TRANSIENT:
                    raise TrainingError(f"{self.url} refuses {self.model} ({reason}). {_remedy(response)}")
                pause = _wanted_pause(response, pause)
            giving_up.wait(pause)
        raise TrainingError(
            f"{self.url} did not answer for {self.model} in {self.attempts} attempts ({reason}). The answers "
            "until now are kept: start the same evaluation again later."
        )

    def _body(self, question: Question) -> dict[str, Any]:
        task = question.task
        body: dict[str, Any] = {"model": self.model, "temperature": 0, "max_tokens": task.max_tokens}
        if task.stop:
            body["stop"] = list(task.stop)
        if self.api == "chat":
            return {**body, "messages": [{"role": "user", "content": question.prompt}]}
        return {**body, "prompt": question.prompt}

    def _read(self, response: httpx.Response) -> tuple[str, str]:
        try:
            choice = response.json()["choices"][0]
            text = choice["message"]["content"] if self.api == "chat" else choice["text"]
            return text or "", choice.get("finish_reason") or ""
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise TrainingError(
                f"{self.url} answered something that is not OpenAI's form. Check the address (it usually "
                "ends in /v1) and --api."
            ) from error


def _key() -> str | None:
    return next((os.environ[name] for name in KEYS if os.environ.get(name)), None)


def _complaint(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"]).strip().rstrip(".")[:300]
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase or "no reason given"


def _remedy(response: httpx.Response) -> str:
    if response.status_code in (401, 403):
        return f"Set {KEYS[0]} (or {KEYS[1]}) to a key that it accepts."
    if response.status_code == 404:
        return "Check the address (it usually ends in /v1), the model's name and --api."
    return "Correct the request; the answers until now are kept."


def _wanted_pause(response: httpx.Response, otherwise: float) -> float:
    try:
        return min(LONGEST_PAUSE, max(0.0, float(response.headers["retry-after"])))
    except (KeyError, ValueError):
        return otherwise
