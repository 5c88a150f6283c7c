"""Answers through our own engine: base and all adapters together, in mixed batches."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from inference import Engine, EngineConfig, GenerationOutput, GenerationRequest, RequestError, SamplingParams
from training.errors import TrainingError
from training.questions import ADAPTER, Question


def adapter_identity(directory: Path) -> str:
    """A hash of the adapter's files. Raises `TrainingError` for a directory that holds none."""
    digest = hashlib.sha256()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        try:
            digest.update((directory / name).read_bytes())
        except OSError as error:
            raise TrainingError(
                f"There is no adapter in {directory}: {name} is missing. Give a directory that PEFT (or "
                "python -m training finetune) has written."
            ) from error
    return digest.hexdigest()


def engine_answers(
    base: Path, adapters: Mapping[str, Path], asked: Iterable[Question], device: str
) -> Iterator[tuple[Question, GenerationOutput | RequestError]]:
    """Answers greedily; each answer comes as soon as it is complete, in no fixed order. A prompt longer than
    the context comes with the engine's refusal.

    Raises `TrainingError` for a base or adapter that cannot be served, and for an answer that failed on the
    way: it must not count as a wrong one.
    """
    waiting = deque(asked)
    config = EngineConfig(model=base, device=device, adapter_slots=max(32, len(adapters)))
    try:
        engine = Engine(config)
    except RuntimeError as error:
        raise TrainingError(str(error)) from error
    running: list = []
    with engine:
        for name, directory in adapters.items():
            try:
                engine.load_adapter(name, directory)
            except RequestError as error:
                raise TrainingError(f"The adapter {name} cannot be served: {error.message}") from error
        while waiting or running:
            while waiting and len(running) < 2 * config.max_num_seqs:
                question = waiting.popleft()
                try:
                    running.append((question, engine.add(engine.prepare(_request(question)))))
                except RequestError as error:
                    yield question, error
            engine.step()
            ended = [each for each in running if each[1].ended]
            running = [each for each in running if not each[1].ended]
            for question, answer in ended:
                if answer.output.error is not None:
                    raise TrainingError(
                        f"Sample {question.position + 1} of {question.task.id} got no answer: "
                        f"{answer.output.error.message}"
                    ) from answer.output.error
                yield question, answer.output


def _request(question: Question) -> GenerationRequest:
    task = question.task
    return GenerationRequest(
        prompt=question.prompt,
        adapter=task.id if question.by == ADAPTER else None,
        sampling=SamplingParams(temperature=0, max_tokens=task.max_tokens, stop=task.stop, seed=0),
    )
