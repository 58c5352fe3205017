"""What a service is expected to do: its recent level, and a shape by weekday and time of day from medians of six weeks.

All is done on log(value + constant): a third more is as far away at night as by day, and the constant keeps small numbers quiet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.calendar import Days, references, typical
from analytics.anomaly.medians import Floats, median, weighted_median

SETTLING = 14  # days that fix a series' constant, and before which nothing is told
SHARE = 0.05  # of the typical value: the constant of rates
COUNT = 10.0  # the constant of counts: a few clients more or less are chance
NEIGHBOUR_WEIGHT = 0.5


class Shapes(NamedTuple):
    """The past in logs: `shape` [n, days, slots] less the level of its day, `level` [n, days], `constant` [n] in the values' unit."""

    shape: Floats
    level: Floats
    constant: Floats


def constants(values: Floats, counts: NDArray[np.bool_]) -> Floats:
    """What is added before the logarithm, shape [n]: a share of the typical value of the first 14 days with data.

    `counts` [n]: whether a series counts things, so that small numbers are chance.
    """
    present = np.isfinite(values).any(axis=2)
    first = present.argmax(axis=1)
    chosen = np.minimum(first[:, None] + np.arange(SETTLING), values.shape[1] - 1)
    early = np.take_along_axis(values, chosen[:, :, None], 1).reshape(len(values), -1)
    usual = median(np.where(early > 0, early, np.nan), 1)
    share = SHARE * np.where(np.isfinite(usual), usual, 1.0)
    return np.asarray(np.where(counts, np.maximum(share, COUNT), share))


def shapes(values: Floats, constant: Floats) -> Shapes:
    """Logs of `values` [n, days, slots] around the level of the week before each day; a day knows only earlier days."""
    logs = np.log(np.maximum(values, 0) + constant[:, None, None])
    level = typical(median(logs, 2))
    return Shapes((logs - level[:, :, None]).astype(np.float32), level, constant)


def expected(past: Shapes, days: Days, day: int) -> Floats:
    """Expected values of the day at position `day` from days before it, shape [n, slots], in the values' unit; never negative."""
    chosen, weights = references(days, day)
    slots = past.shape.shape[2]
    level = past.level[:, day][:, None]
    if not len(chosen):
        return np.broadcast_to(np.maximum(np.exp(level) - past.constant[:, None], 0), (len(level), slots))
    seen = past.shape[:, chosen]
    reach = max(slots // 48, 1) if slots > 24 else 0
    if reach:  # half an hour to either side
        seen = np.concatenate([seen, np.roll(seen, reach, 2), np.roll(seen, -reach, 2)], axis=1)
        weights = np.concatenate([weights, weights * NEIGHBOUR_WEIGHT, weights * NEIGHBOUR_WEIGHT])
    shape = weighted_median(seen, weights)
    return np.asarray(np.maximum(np.exp(level + np.nan_to_num(shape)) - past.constant[:, None], 0))
