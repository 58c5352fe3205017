"""How fast a level moves, in units per day: Theil-Sen over pairs a whole number of weeks apart, and when not to believe it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.windows import Values

WEEKS_APART = (7, 14, 21, 28, 42, 56, 70, 84)
PAIRS = 8  # fewer say nothing


def theil_sen(values: Values, first: NDArray[np.int64], window: int) -> Values:
    """Median slope over the last `window` days, shape [n]; 0 where fewer than PAIRS pairs were measured.

    Pairs a whole number of weeks apart: weekday effects that are left cancel out. (Theil 1950; Sen 1968.)
    """
    recent = values[:, -window:]
    days = recent.shape[1]
    since = first - (values.shape[1] - days)
    lags = [lag for lag in WEEKS_APART if (lag >= days // 4 or lag >= 28) and lag < days - 5]
    if not lags:
        return np.zeros(len(values))
    young = since > 0
    slopes = np.concatenate([(recent[:, lag:] - recent[:, :-lag]) / lag for lag in lags], axis=1)
    if not young.any():
        return np.asarray(np.median(slopes, axis=1))
    earlier = np.concatenate([np.arange(days - lag) for lag in lags])
    slopes = np.sort(np.where(earlier >= since[:, None], slopes, np.inf), axis=1)
    count = (earlier >= since[:, None]).sum(axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, slopes.shape[1] - 1)
    enough = count >= PAIRS
    return np.where(enough, (slopes[rows, np.where(enough, low, 0)] + slopes[rows, np.where(enough, high, 0)]) / 2, 0.0)


def strength(values: Values, first: NDArray[np.int64], slope: Values) -> Values:
    """The slope in units of what a random walk with the same steps would wander, like a t value; shape [n], at least 0."""
    columns = values.shape[1]
    lag = min(28, max(columns // 3, 2))
    steps = values[:, lag:] - values[:, :-lag]
    valid = np.arange(columns - lag) >= first[:, None]
    count = np.maximum(valid.sum(axis=1), 1)
    mean = np.where(valid, steps, 0).sum(axis=1) / count
    walk = np.sqrt((np.where(valid, steps - mean[:, None], 0) ** 2).sum(axis=1) / count / lag)
    days = np.minimum(columns - first, 180)
    moving = np.abs(slope) > 0
    return np.where(moving, np.abs(slope) * np.sqrt(days) / np.maximum(walk, 1e-6 * np.abs(slope) + 1e-300), 0.0)


def shrunk(slope: Values, t: Values) -> Values:
    """The slope times max(0, 1 - 2 / t^2): nothing is left of one that a random walk would show as well."""
    return slope * np.clip(1 - 2 / np.maximum(t**2, 1e-9), 0, 1)
