"""From a fitted path and a fleet table to the probability of having crossed a threshold by each day, and to dates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.fitting import HORIZON, Fit
from analytics.forecast.fleet import KNOTS, QUANTILES, Fleet, bucket_of, daily_path, nearest, stratum_of
from analytics.forecast.precedent import with_precedents
from analytics.forecast.windows import Values

CHUNK = 64  # series whose sampled paths are held at once
PLAIN_SPREAD = 0.12  # of the logarithm of a straight line's crossing day
NOT_WITHIN = HORIZON + 1  # "not within the horizon"


def crossed(fitted: Fit, fleet: Fleet, threshold: Values, widening: Values) -> Values:
    """P(the event has reached `threshold` by day h), [n, HORIZON], h from 1; it never falls. `threshold`, `widening` of sigma:
    [n].

    First passage: a sampled path that was above once has crossed, whatever it does later.
    """
    kind = "rate" if fitted.rate else "storage"
    at_knots = np.zeros((len(threshold), len(KNOTS)))
    for rows, paths in _by_table(fitted, fleet, kind):
        bound = _bounds(fitted, rows, threshold, widening)
        for start in range(0, len(rows), CHUNK):
            above = paths >= bound[start : start + CHUNK, None]
            at_knots[rows[start : start + CHUNK]] = np.logical_or.accumulate(above, axis=2).mean(axis=1)
    probability = with_precedents(fitted, threshold, at_knots) @ _between_knots()
    return np.where(fitted.trend.plain[:, None], _straight(fitted, threshold), probability)


def first_day(probability: Values, quantile: float) -> NDArray[np.int64]:
    """The first day, from 1, by which the crossing is this probable; NOT_WITHIN if none is. Shape [n, HORIZON] to [n]."""
    reached = probability >= quantile - 1e-9
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, NOT_WITHIN)


def fan(fitted: Fit, fleet: Fleet, widening: Values) -> Values:
    """QUANTILES of the value of each day to come, [3, n, HORIZON], weekday effects included, not below zero."""
    kind = "rate" if fitted.rate else "storage"
    path, sigma = daily_path(fitted), (fitted.sigma * widening)[:, None]
    result = np.empty((len(QUANTILES), *path.shape))
    buckets, strata = _places(fitted, fleet, kind)
    for bucket, stratum in set(zip(buckets.tolist(), strata.tolist(), strict=True)):
        rows = np.flatnonzero((buckets == bucket) & (strata == stratum))
        bands = fleet.tables[nearest(fleet, kind, bucket, stratum)][1] @ _between_knots()
        for place, band in enumerate(bands):
            off = sigma[rows] * band
            result[place, rows] = path[rows] * np.exp(off) if fitted.rate else path[rows] + fitted.trend.size[rows, None] * off
    moved = path - path[:, :1]
    line = np.stack([path - 0.25 * np.abs(moved), path, path + 0.25 * np.abs(moved)])
    return np.maximum(np.where(fitted.trend.plain[None, :, None], line, result), 0.0)


def _bounds(fitted: Fit, rows: NDArray[np.int64], threshold: Values, widening: Values) -> NDArray[np.float32]:
    """How large an error, by sigma, reaches the threshold at each knot, [rows, knots]."""
    event, limit = fitted.event[rows][:, KNOTS - 1], threshold[rows, None]
    scale = (fitted.sigma * widening)[rows, None]
    if fitted.rate:
        apart = np.log(np.maximum(limit, 1e-300)) - np.log(np.maximum(event, 1e-300))
    else:
        apart = (limit - event) / fitted.trend.size[rows, None]
    return np.clip(apart / scale, -1e9, 1e9).astype(np.float32)


def _straight(fitted: Fit, threshold: Values) -> Values:
    """The same for straight lines: the line's own day is the median, and the logarithm of the day is spread by PLAIN_SPREAD."""
    start, slope = fitted.now, fitted.trend.slope
    rising = fitted.trend.plain & (slope > 0)
    wait = np.where(rising, (threshold - start) / np.where(rising, slope, 1.0), np.inf)
    day = np.where(wait > 0, np.ceil(np.where(np.isfinite(wait), wait, 0) - 1e-6), 1)
    day = np.maximum(np.where(np.isfinite(wait), day, 1), 1)[:, None]
    off = np.clip(np.log(np.arange(1, HORIZON + 1) / day) / PLAIN_SPREAD, -99, 99)
    return np.where(np.isfinite(wait)[:, None], 1 / (1 + np.exp(-1.702 * off)), 0.0)


def _places(fitted: Fit, fleet: Fleet, kind: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.maximum(bucket_of(fitted.trend.history.days), 0), stratum_of(fleet, kind, fitted.volatility)


def _by_table(fitted: Fit, fleet: Fleet, kind: str) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """(rows, error paths) of each table that is needed."""
    buckets, strata = _places(fitted, fleet, kind)
    pairs = sorted(set(zip(buckets.tolist(), strata.tolist(), strict=True)))
    return [(np.flatnonzero((buckets == b) & (strata == s)), fleet.tables[nearest(fleet, kind, b, s)][0]) for b, s in pairs]


def _between_knots() -> Values:
    """Weights [knots, HORIZON] of the straight lines between knots, of which day 1 is the first."""
    return np.array([np.interp(np.arange(1, HORIZON + 1), KNOTS, row) for row in np.eye(len(KNOTS))])
