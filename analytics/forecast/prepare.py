"""Daily values made ready: gaps filled, weekday effects taken out, single wild days clipped."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.windows import Values, centred_median, median_since

WEEKS = 8  # whose median is a weekday's effect
CLIP = 4.0  # MADs from the week around it that a day of a rate may lie
SIGMA_OF_MAD = 1.4826
TINY = 1e-12


class History(NamedTuple):
    """Daily values [n, days] without gaps, in the series' own unit. `first`: column of the first one measured; all before repeats
    it.

    `measured` is False where a value was filled in; `days` = columns from the first one on, 0 where nothing was ever measured.
    """

    values: Values
    measured: NDArray[np.bool_]
    first: NDArray[np.int64]
    days: NDArray[np.int64]


class Week(NamedTuple):
    """Weekday effects as logarithms, shape [n, 7]: entry j belongs to the days j + 1, j + 8, ... after the last column.

    `strength`: part of the daily scatter, 0 to 1, that they explain.
    """

    effects: Values
    strength: Values


def last_days(matrix: Values, days: int) -> Values:
    """The last `days` columns, shape [n, days], with NaN in front where there are fewer. Infinite values count as gaps."""
    kept = np.asarray(matrix, dtype=np.float64)[:, -days:]
    kept = np.where(np.isfinite(kept), kept, np.nan)
    return np.pad(kept, ((0, 0), (days - kept.shape[1], 0)), constant_values=np.nan)


def fill(matrix: Values) -> History:
    """A gap takes the value of seven days before it, in the first week the last value; days before the first take its week's
    median.
    """
    measured = np.isfinite(matrix)
    values = matrix.copy()
    days = values.shape[1]
    empty = ~measured.any(axis=1)
    values[empty] = 0.0
    first = np.where(empty, days - 1, measured.argmax(axis=1))
    for day in np.flatnonzero((~measured).any(axis=0)):
        gap = ~measured[:, day] & (first < day)
        week_ago = values[gap, day - 7] if day >= 7 else np.full(int(gap.sum()), np.nan)
        values[gap, day] = np.where(np.isfinite(week_ago), week_ago, values[gap, day - 1])
    week = np.minimum(first[:, None] + np.arange(7), days - 1)
    start = np.median(np.take_along_axis(values, week, axis=1), axis=1)
    values = np.where(np.arange(days) < first[:, None], start[:, None], values)
    return History(values, measured, first, np.where(empty, 0, days - first))


def weekly(history: History) -> Week:
    """Medians of each weekday's distance from the week around it, shrunk where there are few weeks or the weekday explains
    little.
    """
    values, first = history.values, history.first
    days = values.shape[1]
    weeks = min(WEEKS, days // 7)
    log = np.log(np.maximum(values, TINY))
    residual = np.clip(log - np.log(np.maximum(_around(values), TINY)), -2, 2)[:, days - 7 * weeks :].reshape(-1, weeks, 7)
    whole = np.arange(days - 7 * weeks, days, 7) >= first[:, None]
    count = whole.sum(axis=1)
    effects = _median_of(residual, whole, count)
    effects -= effects.mean(axis=1, keepdims=True)
    before = (np.abs(residual) * whole[:, :, None]).sum(axis=(1, 2))
    after = (np.abs(residual - effects[:, None]) * whole[:, :, None]).sum(axis=(1, 2))
    strength = np.clip(1 - after / np.maximum(before, TINY), 0, 1) * (before > TINY)
    trust = count / (count + 1.5) * np.clip(strength / 0.3, 0, 1) * (count >= 2)
    return Week(effects * trust[:, None], strength * (count >= 2))


def deseasoned(values: Values, effects: Values) -> Values:
    """The values with their weekday effects divided out. Shapes [n, days], [n, 7]."""
    days = values.shape[1]
    return values / np.exp(effects)[:, (np.arange(days) - days) % 7]


def clipped(values: Values, first: NDArray[np.int64]) -> Values:
    """Hampel's rule: no day farther than CLIP deviations from the median of the week around it."""
    middle = centred_median(values, 7)
    reach = CLIP * SIGMA_OF_MAD * median_since(np.abs(values - middle), first)[:, None] + TINY
    return np.clip(values, middle - reach, middle + reach)


def _around(values: Values) -> Values:
    """The mean of the week around each day; at the ends that of the nearest whole one."""
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    return np.pad((total[:, 7:] - total[:, :-7]) / 7, ((0, 0), (3, 3)), mode="edge")


def _median_of(residual: Values, whole: NDArray[np.bool_], count: NDArray[np.int64]) -> Values:
    """Medians over the weeks that are `whole`: these are always the last `count` ones. Shape [n, 7]."""
    ordered = np.sort(np.where(whole[:, :, None], residual, np.inf), axis=1)
    rows = np.arange(len(residual))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, residual.shape[1] - 1)
    middle = (ordered[rows, low] + ordered[rows, high]) / 2
    return np.where(count[:, None] > 0, np.where(np.isfinite(middle), middle, 0.0), 0.0)
