"""A task without a template: the prompt is what the user wrote."""

from __future__ import annotations

from training.tasks.task import Field, Task

PROMPT = "prompt"


def free_task(
    id: str,
    name: str = "",
    *,
    metric_fn: str = "exact_match",
    labels: tuple[str, ...] = (),
    max_tokens: int = 128,
    summary: str = "",
) -> Task:
    """A task for samples of the form `{"prompt": …}`. `metric_fn` is a name of `training.metrics`."""
    return Task(
        id=id,
        name=name or id,
        category="Other",
        paper_category="",
        on_site=False,
        summary=summary,
        dataset="",
        dataset_url="",
        hub_id="",
        metric="rouge" if metric_fn == "rouge" else "accuracy",
        metric_fn=metric_fn,
        target="completion",
        labels=labels,
        max_tokens=max_tokens,
        stop=(),
        template="{prompt}",
        fields=(Field(PROMPT, "Prompt", True),),
        examples=(),
        paper=None,
    )
