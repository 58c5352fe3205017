"""What is said of a metric over a window: mean, largest, smallest, 95th percentile, sum and coverage, all from 5-minute buckets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.buckets import percentile95

Values = NDArray[np.floating]


class Measure(NamedTuple):
    """One series over a window; None where nothing was measured.

    `mean` is weighted by the seconds measured, `max` is the largest sample, `min` and `p95` are of 5-minute means (nearest
    rank). `amount`: sum of value x seconds. `coverage`: the share of the window that was measured, 0 to 1.
    """

    mean: float | None
    max: float | None
    min: float | None
    p95: float | None
    amount: float | None
    coverage: float


def measures(mean: Values, largest: Values, seconds: NDArray[np.generic], window_seconds: float) -> list[Measure]:
    """One entry for each series; shape [series, buckets] each, NaN and 0 seconds are gaps."""
    values, weight = mean.astype(np.float64), np.where(np.isfinite(mean), seconds.astype(np.float64), 0)
    total = weight.sum(axis=1)
    amount = (np.nan_to_num(values) * weight).sum(axis=1)
    if not values.shape[1]:
        return [Measure(None, None, None, None, None, 0.0)] * len(values)
    with np.errstate(invalid="ignore"):
        rows = zip(
            np.divide(amount, total, out=np.full(total.shape, np.nan), where=total > 0).tolist(),
            np.fmax.reduce(largest.astype(np.float64), axis=1).tolist(),
            np.fmin.reduce(values, axis=1).tolist(),
            percentile95(values).tolist(),
            np.where(total > 0, amount, np.nan).tolist(),
            strict=True,
        )
    share = np.clip(total / window_seconds, 0, 1) if window_seconds > 0 else np.zeros(len(total))
    return [
        Measure(_known(mid), _known(top), _known(low), _known(p95), _known(area), covered)
        for (mid, top, low, p95, area), covered in zip(rows, share.tolist(), strict=True)
    ]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
