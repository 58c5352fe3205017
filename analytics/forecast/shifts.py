"""Level shifts: found by medians on both sides of a day, or known from a change of product; taken out of the trend's way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.prepare import SIGMA_OF_MAD
from analytics.forecast.windows import Values, centred_median, median_since, rolling_median

SIDE = 10  # days whose median is the level on one side
NEWEST = 4  # days that must follow a shift before it is seen
SIGMAS, RELATIVE = 6.0, 0.12  # how far apart the sides must be, in scatter and of the level
MOST = 3  # shifts a series may have
NEVER = -1


class Shifts(NamedTuple):
    """`moved`: values [n, days] with every shift taken out, all at the last level. Shape [n] each: column of the last shift or
    NEVER, its size in the series' unit, and how many there are.
    """

    moved: Values
    last: NDArray[np.int64]
    size: Values
    number: NDArray[np.int64]


class _Sides(NamedTuple):
    """Medians of the days before and from each candidate column on, shape [n, candidates]."""

    columns: NDArray[np.int64]
    before: Values
    after: Values
    drift: Values


def without_shifts(values: Values, first: NDArray[np.int64], known: NDArray[np.int64]) -> Shifts:
    """Known changes first (column, or NEVER), then up to MOST found ones, the clearest first. Shapes [n, days], [n], [n]."""
    found = _take_out_known(values.copy(), first, known)
    rows = np.arange(len(values))
    for _ in range(MOST):
        column, size = _clearest(found.moved[rows], first[rows])
        hit = column > 0
        rows, column, size = rows[hit], column[hit], size[hit]
        if not len(rows):
            break
        _record(found, rows, column, size)
    return found


def _take_out_known(moved: Values, first: NDArray[np.int64], known: NDArray[np.int64]) -> Shifts:
    """The moment is given; how far the level moved there is measured, and is 0 where one side has no days yet."""
    n, days = moved.shape
    found = Shifts(moved, np.full(n, NEVER), np.zeros(n), np.zeros(n, dtype=np.int64))
    rows = np.flatnonzero((known > first) & (known < days))
    if len(rows):
        at = known[rows, None]
        after = np.median(np.take_along_axis(moved[rows], np.minimum(at + np.arange(SIDE), days - 1), axis=1), axis=1)
        before = np.median(np.take_along_axis(moved[rows], np.maximum(at - 1 - np.arange(SIDE), 0), axis=1), axis=1)
        _record(found, rows, known[rows], after - before)
    return found


def _record(found: Shifts, rows: NDArray[np.int64], column: NDArray[np.int64], size: Values) -> None:
    """Lift everything before the shift to the level after it."""
    earlier = np.arange(found.moved.shape[1]) < column[:, None]
    found.moved[rows] += np.where(earlier, size[:, None], 0)
    newer = column > found.last[rows]
    found.last[rows] = np.where(newer, column, found.last[rows])
    found.size[rows] = np.where(newer, size, found.size[rows])
    found.number[rows] += 1


def _clearest(values: Values, first: NDArray[np.int64]) -> tuple[NDArray[np.int64], Values]:
    """Column (0 = there is none) and size of the clearest shift of each series, at the largest single step near it."""
    sides = _sides(values)
    jump = sides.after - sides.before
    jump -= np.clip(sides.drift, -np.abs(jump), np.abs(jump))
    residual = np.abs(values - centred_median(values, 2 * (SIDE // 2) + 1))
    mean = residual.sum(axis=1) / (values.shape[1] - first)
    scatter = SIGMA_OF_MAD * median_since(residual, first) + 0.25 * mean
    scatter = np.maximum(scatter + 0.005 * np.abs(values).mean(axis=1), 1e-12)
    level = np.maximum(np.abs(sides.before), np.abs(sides.after))
    clear = np.abs(jump) / scatter[:, None]
    clear *= (clear > SIGMAS) & (np.abs(jump) > RELATIVE * level) & (sides.columns >= first[:, None] + NEWEST)
    rows, best = np.arange(len(values)), clear.argmax(axis=1)
    size = jump[rows, best]
    near = np.clip(sides.columns[best][:, None] + np.arange(-5, 4), 0, values.shape[1] - 2)
    steps = np.take_along_axis(np.diff(values, axis=1), near, axis=1) * np.sign(size)[:, None]
    return np.where(clear[rows, best] > 0, near[rows, steps.argmax(axis=1)] + 1, 0), size


def _sides(values: Values) -> _Sides:
    """Levels on both sides, and how far a trend alone would have moved the level in SIDE days: the gentler side counts."""
    days = values.shape[1]
    median = rolling_median(values, SIDE)
    short = [np.median(values[:, days - left :], axis=1) for left in range(SIDE - 1, NEWEST - 1, -1)]
    after = np.concatenate([median, np.stack(short, axis=1)], axis=1)
    columns = np.arange(SIDE, days - NEWEST + 1)
    before = median[:, columns - SIDE]
    earlier = np.maximum(columns - 2 * SIDE, 0)
    back = np.where(columns - SIDE > earlier, SIDE / np.maximum(columns - SIDE - earlier, 1), 0)
    drift = (before - median[:, earlier]) * back
    later = np.minimum(columns + SIDE, days - SIDE)
    ahead = SIDE / np.maximum(later - columns, 1)
    onward = (median[:, later] - median[:, np.minimum(columns, days - SIDE)]) * ahead
    gentler = np.where((np.abs(drift) < np.abs(onward)) | (later <= columns), drift, onward)
    return _Sides(columns, before, after[:, columns], gentler)
