"""Which earlier days say something about a day: the same weekday before all, a holiday like a Sunday, and never from a holiday."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.medians import Floats, median

MONDAY_OFFSET = 3  # 1970-01-01 was a Thursday
SATURDAY, SUNDAY = 5, 6
WEEKS = 6
FORGET = 0.85  # what a week that lies one week further back weighs
OTHER = 0.3  # what another day of the same kind weighs
OTHER_DAYS = 15


class Days(NamedTuple):
    """Consecutive local days: `number` since 1970-01-01, `kind` 0 Monday … 6 Sunday or holiday, `holiday`; shape [days] each."""

    number: NDArray[np.int64]
    kind: NDArray[np.int64]
    holiday: NDArray[np.bool_]


def days(first: int, count: int, holidays: Collection[int] = ()) -> Days:
    """`count` days from day `first` (days since 1970-01-01); `holidays`: day numbers that are lived like Sundays."""
    number = np.arange(first, first + count, dtype=np.int64)
    holiday = np.isin(number, np.fromiter(holidays, np.int64, len(holidays)))
    return Days(number, np.where(holiday, SUNDAY, (number + MONDAY_OFFSET) % 7), holiday)


def references(known: Days, day: int) -> tuple[NDArray[np.int64], Floats]:
    """Positions of the days before position `day` that it is compared with, and their weights; empty on the first day."""
    age = day - np.arange(len(known.number))
    kind = known.kind[day]
    usable = (age > 0) & ~known.holiday
    same = usable & (known.kind == kind) & (age <= 7 * WEEKS)
    weekend = known.kind >= SATURDAY
    similar = usable & (weekend == (kind >= SATURDAY)) & ~same & (age <= OTHER_DAYS)
    if kind >= SATURDAY and same.sum() >= 2:  # Saturday and Sunday differ: one stands in for the other only at first
        similar[:] = False
    weights = np.where(same, FORGET ** np.maximum((age - 1) // 7, 0), OTHER * FORGET ** (np.maximum(age, 0) // 7))
    chosen = np.flatnonzero(same | similar)
    if not len(chosen) and day:
        chosen, weights = np.array([day - 1]), np.full(len(age), 0.1)
    return chosen, weights[chosen]


def alike(known: Days, day: int) -> int:
    """How many of the days before position `day` are of its very kind, in the weeks that are looked at; a holiday is like none."""
    if known.holiday[day]:
        return 0
    age = day - np.arange(len(known.number))
    return int(((age > 0) & (age <= 7 * WEEKS) & ~known.holiday & (known.kind == known.kind[day])).sum())


def on_local_days(values: Floats, position: NDArray[np.int64], length: int) -> Floats:
    """Put samples [n, t] at their local slots: `position` [t] counts slots of local time; shape [n, length].

    An hour that a clock change skips stays NaN, one that it repeats holds the mean of both.
    """
    inside = (position >= 0) & (position < length)
    placed, counts = np.zeros((2, len(values), length))
    present = np.isfinite(values) & inside
    at = np.broadcast_to(np.where(inside, position, 0), values.shape)
    row = np.broadcast_to(np.arange(len(values))[:, None], values.shape)
    np.add.at(placed, (row[present], at[present]), values[present])
    np.add.at(counts, (row[present], at[present]), 1)
    return np.asarray(np.where(counts > 0, placed / np.maximum(counts, 1), np.nan))


def typical(daily: Floats, before: int = 7) -> Floats:
    """Median of the up to `before` days before each day: `daily` [n, days] -> [n, days]; the first day is its own."""
    count = daily.shape[1]
    padded = np.concatenate([np.full((len(daily), before), np.nan), daily], axis=1)
    trailing = np.lib.stride_tricks.sliding_window_view(padded, before, axis=1)[:, :count]
    level = median(trailing, 2)
    return np.asarray(np.where(np.isfinite(level), level, daily))
