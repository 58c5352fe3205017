"""How often a series itself rose as much as it now would have to: its own past beside the fleet's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.fitting import Fit
from analytics.forecast.fleet import KNOTS
from analytics.forecast.windows import Values, trailing_median

PRIOR = 2.0  # windows of its own that a series needs to be believed as much as the fleet


def with_precedents(fitted: Fit, threshold: Values, probability: Values) -> Values:
    """`probability` [n, knots] of having crossed by KNOTS, drawn towards the part of the series' own windows of as many days that
    rose from their first day by as much as is missing now. A window counts by how many of its kind fit into the history without
    overlap.
    """
    course, missing = _course(fitted, threshold)
    own, weight = _risen(course, fitted.trend.history.first, missing)
    return np.maximum.accumulate(weight * own + (1 - weight) * probability, axis=1)


def _course(fitted: Fit, threshold: Values) -> tuple[Values, Values]:
    """The event's own history [n, days] without level shifts, as logarithms for rates; and how far it is below the threshold,
    [n].
    """
    trend = fitted.trend
    if not fitted.rate:
        return trend.history.values, threshold - fitted.now
    least = 1e-3 * trend.size
    course = trailing_median(np.log(np.maximum(trend.shifts.moved, least[:, None])))
    return course, np.log(np.maximum(threshold, 1e-300)) - np.log(np.maximum(fitted.now, least))


def _risen(course: Values, first: NDArray[np.int64], missing: Values) -> tuple[Values, Values]:
    """Part of the windows that rose by `missing` within each of KNOTS days, and what weight that has, [n, knots] each."""
    columns = course.shape[1]
    own, weight = np.zeros((2, len(course), len(KNOTS)))
    needed = course + missing[:, None]
    reached = np.zeros(course.shape, dtype=bool)
    begun = np.arange(columns) >= first[:, None]
    days = columns - first
    for ahead in range(1, columns):
        reached[:, : columns - ahead] |= course[:, ahead:] >= needed[:, : columns - ahead]
        knot = np.searchsorted(KNOTS, ahead)
        if knot == len(KNOTS) or KNOTS[knot] != ahead:
            continue
        inside = begun[:, : columns - ahead]
        count = inside.sum(axis=1)
        own[:, knot] = (reached[:, : columns - ahead] & inside).sum(axis=1) / np.maximum(count, 1)
        fitting = np.maximum(days - ahead, 0) / ahead
        weight[:, knot] = fitting / (fitting + PRIOR)
    return own, weight
