"""How good forecasts were, the same for all: every series weighs the same, and groups are drawn anew for the intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.prepare import fill
from analytics.forecast.windows import trailing_median
from bench.forecast_rows import AHEAD, NEVER, Rows, first_day

Values = NDArray[np.float64]
Score = dict[str, float | int | list[float]]
SAY_YES = {"demand": 0.4, "storage": 0.3}  # probability within 30 days from which a forecast says yes
WORST = 30.0  # a scaled error counts no more than this: series that hardly move have tiny scales
DRAWS = 400


class Answers(NamedTuple):
    """What one method said. `values` [n, AHEAD]: expected daily values. `days` [3, n, k]: days of crossing at P10, P50, P90;
    `within_30` [n, k]: probability of it within 30 days.
    """

    values: Values
    days: NDArray[np.int64]
    within_30: Values


def from_paths(rows: Rows, middle: Values, low: Values | None, high: Values | None, kind: str) -> Answers:
    """Answers of a method that gives a path and perhaps the 80 % band around it: crossing is read off it by the same rule as the
    truth.

    Its probability within 30 days: by how much of the band, as a normal distribution, lies above at the highest day; without one,
    0 or 1.
    """
    start = fill(rows.history).values

    def days(path: Values) -> NDArray[np.int64]:
        return first_day(_event(start, path, kind), rows.thresholds)

    expected = days(middle)
    if low is None or high is None:
        return Answers(middle, np.stack([expected] * 3), (expected <= 30).astype(float))
    event, top = (_event(start, path, kind)[:, None, :30] for path in (middle, high))
    spread = np.maximum((top - event) / 1.2816, 1e-9 * np.abs(event) + 1e-12)
    reach = ((event - rows.thresholds[:, :, None]) / spread).max(axis=2)
    return Answers(middle, np.stack([days(high), expected, days(low)]), 1 / (1 + np.exp(-1.702 * np.clip(reach, -99, 99))))


def _event(start: Values, path: Values, kind: str) -> Values:
    if kind == "storage":
        return path
    return trailing_median(np.concatenate([start, path], axis=1))[:, start.shape[1] :]


def scores(rows: Rows, said: Answers, kind: str, seed: int = 0) -> dict[str, Score]:
    """All figures of one kind of series, with n (rows) and a 90 % bootstrap interval over groups."""
    found: dict[str, Score] = {}
    for days in (7, 30, 90):
        found[f"mase_{kind}_{days}"] = _mean(rows, scaled_errors(rows, said.values, days), seed)
    whole = rows.whole[:, None] & np.isfinite(rows.thresholds)
    off = np.abs(np.minimum(said.days[1], NEVER) - rows.day).astype(float)
    found[f"date_error_days_{kind}"] = _mean(
        rows, np.where(whole & ((rows.day <= AHEAD) | (said.days[1] <= AHEAD)), off, np.nan), seed
    )
    soon = (rows.day <= 30).astype(float)
    within = np.isfinite(rows.event[:, 29])[:, None] & np.isfinite(rows.thresholds)
    found[f"brier_30_{kind}"] = _mean(rows, np.where(within, (said.within_30 - soon) ** 2, np.nan), seed)
    yes = (said.within_30 >= SAY_YES[kind]).astype(float)
    columns = {"hits": np.where(within, yes * soon, np.nan), "sum": np.where(within, yes + soon, np.nan)}
    found[f"f1_30_{kind}"] = _drawn(rows, columns, lambda each: 2 * each["hits"] / max(each["sum"], 1e-9), seed)
    early, late = np.minimum(said.days[0], NEVER), np.minimum(said.days[2], NEVER)
    told = whole & ((rows.day <= AHEAD) | (said.days[1] <= AHEAD))
    inside = (rows.day >= early) & (rows.day <= late)
    found[f"coverage80_date_{kind}"] = _mean(rows, np.where(told, inside.astype(float), np.nan), seed)
    return found


def scaled_errors(rows: Rows, values: Values, days: int) -> Values:
    """Mean absolute error of the days up to `days` by that of "as a week ago" in the history (MASE), [n, 1]; at most WORST."""
    history = fill(rows.history)
    steps = np.abs(history.values[:, 7:] - history.values[:, :-7])
    valid = np.arange(steps.shape[1]) >= history.first[:, None]
    scale = np.where(valid, steps, 0).sum(axis=1) / np.maximum(valid.sum(axis=1), 1)
    known = np.isfinite(rows.future[:, :days])
    error = np.where(known, np.abs(values[:, :days] - np.nan_to_num(rows.future[:, :days])), 0).sum(axis=1)
    judged = (known.sum(axis=1) >= 0.8 * days) & (scale > 0)
    mase = error / np.maximum(known.sum(axis=1), 1) / np.where(judged, scale, 1)
    return np.where(judged, np.minimum(mase, WORST), np.nan)[:, None]


def _mean(rows: Rows, column: Values, seed: int) -> Score:
    return _drawn(rows, {"mean": column}, lambda each: each["mean"], seed)


def _drawn(rows: Rows, columns: Mapping[str, Values], figure: Callable[[Mapping[str, float]], float], seed: int) -> Score:
    """`figure` of the means over series of each column [n, k], NaN left out; and from DRAWS samples of the groups."""
    series, member = np.unique(rows.name, return_inverse=True)
    of_group = dict(zip(rows.name.tolist(), rows.group.tolist(), strict=True))
    _, group = np.unique([of_group[name] for name in series.tolist()], return_inverse=True)
    means = {}
    for name, column in columns.items():
        known = np.isfinite(column)
        total = np.bincount(member, np.where(known, column, 0).sum(axis=1), len(series))
        number = np.bincount(member, known.sum(axis=1), len(series))
        means[name] = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    one = next(iter(columns.values()))
    n = int(np.isfinite(one).any(axis=1).sum())
    if not n:
        return {"value": float("nan"), "n": 0, "interval": []}
    chance = np.random.default_rng(seed)
    draws = [_weighted(means, figure, np.ones(len(series)))]
    for _ in range(DRAWS):
        times = np.bincount(chance.integers(0, group.max() + 1, group.max() + 1), minlength=group.max() + 1)
        draws.append(_weighted(means, figure, times[group].astype(float)))
    low, high = np.nanquantile(draws[1:], [0.05, 0.95])
    return {"value": round(draws[0], 4), "n": n, "interval": [round(float(low), 4), round(float(high), 4)]}


def _weighted(means: Mapping[str, Values], figure: Callable[[Mapping[str, float]], float], weight: Values) -> float:
    def mean(column: Values) -> float:
        known = np.isfinite(column)
        total = float((weight * known).sum())
        return float((weight * np.where(known, column, 0)).sum() / total) if total else float("nan")

    return float(figure({name: mean(column) for name, column in means.items()}))
