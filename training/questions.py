"""Whom an evaluation asks what, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from training.answer_store import answer_key
from training.metrics.code import gold_program
from training.synthetic import Sample
from training.tasks import Task

BASE, ADAPTER = "base", "adapter"
GROUP = 8


@dataclass(frozen=True, slots=True)
class Question:
    """One sample of a task for one of those who are compared: `base`, `adapter`, or an endpoint's model.
    `identity` says exactly who that is, by content."""

    task: Task
    sample: Sample
    by: str
    identity: str
    position: int

    @property
    def prompt(self) -> str:
        return self.task.render(self.sample.variables)

    @property
    def gold(self) -> str:
        """The gold answer as the task's metric reads it: for code its tests, for everything else the text.

        HumanEval's problems bring their tests; the synthetic problems' follow from the solution.
        """
        if self.task.metric_fn != "humaneval" or self.sample.completion.startswith('{"prompt": '):
            return self.sample.completion
        from training.synthetic.magicoder import checks

        problem = self.sample.variables["problem"]
        return gold_program(
            f"{problem}\n" if problem.startswith("def ") else "", checks(self.sample.completion)
        )

    @property
    def key(self) -> str:
        return answer_key(self.identity, self.prompt, self.task.max_tokens, list(self.task.stop))


def questions(
    tasks: Mapping[str, Task], data: Mapping[str, Sequence[Sample]], who: Mapping[str, Mapping[str, str]]
) -> Iterator[Question]:
    """All questions. `who` gives for each task those who are asked and their identities.

    Prompts of one task and adapter stand together in small groups, whose beginning the engine reads once; the
    groups of all tasks take turns, so that a batch still holds the base and several adapters.
    """
    longest = max(map(len, data.values()), default=0)
    for start in range(0, longest, GROUP):
        for name, samples in data.items():
            for by, identity in who[name].items():
                for position, sample in enumerate(samples[start : start + GROUP], start=start):
                    yield Question(tasks[name], sample, by, identity, position)
