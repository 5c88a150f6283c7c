"""A study as text: correlations beside the paper's, and the errors of the linear model."""

from __future__ import annotations

from training.complexity.statistics import correlations, signed
from training.complexity.studies import (
    LEAST_SQUARES,
    OUTCOME_LABELS,
    RIDGE,
    SIGNAL_LABELS,
    Study,
)
from training.paper import published_correlations


def report(study: Study) -> str:
    parts = [f"## {study.name}: {len(study.tasks)} tasks", "", correlation_table(study), ""]
    if study.name == "paper":
        parts += ["### The scores among themselves", "", agreement_table(study), ""]
    parts += ["### Leave-one-out error of a linear model", "", model_table(study)]
    return "\n".join(parts)


def correlation_table(study: Study) -> str:
    """Rank correlation of every signal with every outcome; in brackets the paper's, where it has one."""
    published = published_correlations() if study.name == "paper" else {}
    lines = [
        _row(["rank correlation", *(OUTCOME_LABELS[name] for name in study.outcomes)]),
        _rule(len(study.outcomes)),
    ]
    for name, values in study.correlations.items():
        theirs = published.get(name, {})
        cells = [signed(r) + (f" ({signed(theirs[to])})" if theirs else "") for to, r in values.items()]
        lines.append(_row([SIGNAL_LABELS[name], *cells]))
    return "\n".join(lines)


def agreement_table(study: Study) -> str:
    """The outcomes' correlations with each other, recomputed, with the paper's in brackets."""
    published, ours = published_correlations(), correlations(study.outcomes, study.outcomes)
    lines = [
        _row(["rank correlation", *(OUTCOME_LABELS[name] for name in ours)]),
        _rule(len(ours)),
    ]
    for one, values in ours.items():
        cells = [
            "" if one == other else f"{signed(r)} ({signed(published[one][other])})"
            for other, r in values.items()
        ]
        lines.append(_row([OUTCOME_LABELS[one], *cells]))
    return "\n".join(lines)


def model_table(study: Study) -> str:
    """RMSE of the mean of the other tasks, of least squares and of ridge regression, for every target."""
    heads = ["predicted", "mean of the others", "least squares", "… with base", "ridge", "… with base"]
    lines = [_row(heads), _rule(len(heads) - 1)]
    for target in study.targets:
        errors = [study.yardstick(target).rmse]
        errors += [
            study.predict(target, with_base=with_base, penalties=penalties).rmse
            for penalties in (LEAST_SQUARES, RIDGE)
            for with_base in (False, True)
        ]
        lines.append(_row([OUTCOME_LABELS[target], *(f"{error:.3f}" for error in errors)]))
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return _row(["---", *["---:"] * columns])
