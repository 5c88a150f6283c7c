"""Correlations between signals and outcomes, and how well a linear model of the signals predicts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Table = Mapping[str, Sequence[float]]  # named columns, one row for each task


def spearman(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Spearman's rank correlation, ties at their mean rank; None when one side does not vary or there are
    fewer than three rows.

    The paper does not say which coefficient its Figure 8 shows. This one gives all of its figures that can be
    recomputed from Table 12 and Figure 2, to the last digit printed; Pearson's does not.
    """
    from scipy.stats import spearmanr

    x, y = np.asarray(xs, float), np.asarray(ys, float)
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(spearmanr(x, y).statistic)


def correlations(signals: Table, outcomes: Table) -> dict[str, dict[str, float | None]]:
    """Rank correlation of every signal (outer key) with every outcome."""
    return {
        name: {outcome: spearman(values, ys) for outcome, ys in outcomes.items()}
        for name, values in signals.items()
    }


@dataclass(frozen=True)
class Prediction:
    """What a model says of each task when it has seen all the others."""

    measured: tuple[float, ...]
    predicted: tuple[float, ...]

    @cached_property
    def rmse(self) -> float:
        return float(np.sqrt(np.mean((np.array(self.measured) - np.array(self.predicted)) ** 2)))


def leave_one_out(inputs: Table, outcome: Sequence[float], penalties: Sequence[float]) -> Prediction:
    """Predicts each row by a linear model fitted to all other rows.

    The columns are scaled to unit variance, then fitted by least squares with the ridge penalty among
    `penalties` whose own leave-one-out error on the fitted rows is smallest; `(0.0,)` is plain least squares.
    Scaling and choice of penalty see the fitted rows only. Raises `ValueError` with fewer than three rows.
    """
    from sklearn.linear_model import LinearRegression, RidgeCV
    from sklearn.model_selection import LeaveOneOut, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(outcome) < 3:
        raise ValueError(f"Leave-one-out needs at least three tasks, not {len(outcome)}.")
    rows = np.column_stack([np.asarray(values, float) for values in inputs.values()])
    plain = tuple(penalties) == (0.0,)
    model = make_pipeline(StandardScaler(), LinearRegression() if plain else RidgeCV(alphas=penalties))
    predicted = cross_val_predict(model, rows, np.asarray(outcome, float), cv=LeaveOneOut())
    return Prediction(tuple(outcome), tuple(map(float, predicted)))


def leave_one_out_mean(outcome: Sequence[float]) -> Prediction:
    """The yardstick: each row predicted by the mean of the others."""
    total, n = sum(outcome), len(outcome)
    return Prediction(tuple(outcome), tuple((total - value) / (n - 1) for value in outcome))


def signed(r: float | None) -> str:
    """A correlation as the tables and pictures write it."""
    if r is None:
        return "–"
    text = f"{r:+.2f}".replace("-", "−")
    return "0.00" if text[1:] == "0.00" else text
