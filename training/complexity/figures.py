"""The three pictures: correlations as a heat map, the lift of each task, and predicted against measured."""

from __future__ import annotations

from pathlib import Path

from training.complexity.statistics import correlations, signed
from training.complexity.studies import OUTCOME_LABELS, RIDGE, SIGNAL_LABELS, Study
from training.complexity.svg import Picture
from training.paper import published_correlations

ROW, CELL = 26, 74
STRONG = 0.62  # from here on the cell is dark enough for the text to be light


def write_figures(study: Study, folder: Path) -> list[Path]:
    """Writes the study's pictures into `folder`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"correlations": heat_map(study), "lift": lift(study), "predicted": predicted(study)}
    paths = []
    for name, text in pictures.items():
        paths.append(folder / f"complexity-{study.name}-{name}.svg")
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def heat_map(study: Study) -> str:
    """Signals, and below them the outcomes, against outcomes; for the paper's study the value that the paper
    prints stands small under ours."""
    published = published_correlations() if study.name == "paper" else {}
    rows = study.correlations | correlations(study.outcomes, study.outcomes)
    labels = SIGNAL_LABELS | OUTCOME_LABELS
    columns = list(study.outcomes)
    left, top = 200, 150 if published else 110
    height = ROW + 10 if published else ROW
    picture = Picture(
        max(left + CELL * len(columns) + 60, 600),
        top + (height + 3) * len(rows) + 62,
        f"What goes with a task's scores: {len(study.tasks)} tasks, {_where(study)}",
        "Rank correlation of each property of a task with each score"
        + ("; small: the paper's own value, where it prints one." if published else "."),
    )
    for number, name in enumerate(columns):
        x = left + CELL * (number + 0.5)
        picture.text(x - 4, top - 10, OUTCOME_LABELS[name], "", turned=-32)
    for row, (name, values) in enumerate(rows.items()):
        y = top + (height + 3) * row + (10 if name in study.outcomes else 0)
        picture.text(left - 12, y + height / 2 + 4, labels[name], "end")
        for number, column in enumerate(columns):
            if column == name:
                continue
            r = values[column]
            x = left + CELL * number
            theirs = published.get(name, {}).get(column)
            _cell(picture, x, y, height, r, theirs)
    y = top + (height + 3) * len(rows) + 34
    picture.cell(left, y - 11, 14, 14, "minus", 0.8)
    picture.text(left + 20, y, "goes down with it", "soft")
    picture.cell(left + 150, y - 11, 14, 14, "plus", 0.8)
    picture.text(left + 170, y, "goes up with it", "soft")
    return picture.render()


def _where(study: Study) -> str:
    return "ten bases of the paper" if study.name == "paper" else "miniature world"


def _cell(picture: Picture, x: float, y: float, height: float, r: float | None, theirs: float | None) -> None:
    width = CELL - 3
    if r is None:
        picture.cell(x, y, width, height, "base", 0.1)
        picture.text(x + width / 2, y + height / 2 + 4, "–", "soft middle")
        return
    strength = min(1.0, abs(r))
    picture.cell(x, y, width, height, "plus" if r > 0 else "minus", 0.06 + 0.94 * strength)
    css = "middle number" + (" strong" if strength > STRONG else "")
    middle = y + height / 2 + 4
    picture.text(x + width / 2, middle - (6 if theirs is not None else 0), signed(r), css)
    if theirs is not None:
        picture.text(x + width / 2, middle + 9, signed(theirs), css + " tiny")


def lift(study: Study) -> str:
    """From the base's score to the tuned one for every task, the largest lift first."""
    base, tuned = ("mean_base", "mean_tuned") if study.name == "paper" else ("base", "tuned")
    gpt4 = study.outcomes.get("gpt4")
    rows = sorted(range(len(study.tasks)), key=lambda i: study.outcomes[base][i] - study.outcomes[tuned][i])
    left, top, width = 170, 96, 520
    picture = Picture(
        left + width + 80,
        top + 22 * len(rows) + 44,
        f"Lift of each task, {_where(study)}",
        "Mean score of ten bases before and after LoRA, 0 to 1; GPT-4 as prompted."
        if study.name == "paper"
        else "Score on held-out examples, 0 to 1, of the base and of the task's adapter.",
    )
    _legend(picture, left, 78, "mean of bases" if gpt4 else "base", bool(gpt4))
    bottom = top + 22 * len(rows)
    for tick in range(0, 11, 2):
        x = left + width * tick / 10
        picture.line(x, top, x, bottom)
        picture.text(x, bottom + 18, f"{tick / 10:.1f}", "soft middle number")
    picture.text(left + width + 66, top - 6, "lift", "soft end")
    for row, i in enumerate(rows):
        y = top + 22 * row + 13
        before, after = study.outcomes[base][i], study.outcomes[tuned][i]
        task = study.tasks[i]
        picture.text(left - 14, y + 4, task, "end")
        x1, x2 = left + width * before, left + width * after
        picture.line(x1, y, x2, y, "gain" if after >= before else "loss")
        picture.dot(x1, y, "base", f"{task}, base: {before:.3f}")
        if gpt4:
            picture.diamond(left + width * gpt4[i], y, "gpt4", f"{task}, GPT-4: {gpt4[i]:.3f}")
        picture.dot(x2, y, "tuned", f"{task}, tuned: {after:.3f}")
        picture.text(left + width + 66, y + 4, f"{after - before:+.3f}".replace("-", "−"), "end number")
    return picture.render()


def _legend(picture: Picture, x: float, y: float, base: str, gpt4: bool) -> None:
    picture.dot(x + 5, y - 4, "base")
    picture.text(x + 16, y, base, "soft")
    picture.dot(x + 125, y - 4, "tuned")
    picture.text(x + 136, y, "with LoRA", "soft")
    if gpt4:
        picture.diamond(x + 225, y - 4, "gpt4")
        picture.text(x + 236, y, "GPT-4", "soft")


def predicted(study: Study) -> str:
    """Leave-one-out predictions of the first target against its measured value, without and with the base's
    score among the inputs."""
    target = study.targets[0]
    noun = "lift" if "lift" in target else "tuned score"
    side, gap, left, top = 290, 70, 64, 112
    picture = Picture(
        left + 2 * side + gap + 30,
        top + side + 60,
        f"Can the {noun} be foreseen? {len(study.tasks)} tasks, {_where(study)}",
        f"The {noun} of each task, predicted from all the others by ridge regression.",
    )
    for number, with_base in enumerate((False, True)):
        prediction = study.predict(target, with_base=with_base, penalties=RIDGE)
        x0 = left + number * (side + gap)
        head = "with the base's score" if with_base else "from the properties of the data alone"
        picture.text(x0, top - 14, f"{head}: RMSE {prediction.rmse:.3f}")
        for tick in range(0, 11, 2):
            offset = side * tick / 10
            picture.line(x0 + offset, top, x0 + offset, top + side)
            picture.line(x0, top + offset, x0 + side, top + offset)
            picture.text(x0 + offset, top + side + 18, f"{tick / 10:.1f}", "soft middle number")
            picture.text(x0 - 8, top + side - offset + 4, f"{tick / 10:.1f}", "soft end number")
        picture.line(x0, top + side, x0 + side, top, "ideal")
        for task, measured, guess in zip(study.tasks, prediction.measured, prediction.predicted, strict=True):
            shown = min(1.0, max(0.0, guess))
            picture.dot(
                x0 + side * measured,
                top + side * (1 - shown),
                "tuned",
                f"{task}: measured {measured:.3f}, predicted {guess:.3f}",
                4.5,
            )
        picture.text(x0 + side / 2, top + side + 40, "measured", "soft middle")
        if not number:
            picture.text(x0 - 44, top + side / 2, "predicted", "soft middle", turned=-90)
    return picture.render()
