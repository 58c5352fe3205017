"""A day of samples as 288 buckets of five minutes, and buckets as hours or a day: all series at once, no loop per sample.

A sample with seconds > 0 stands for [ts - seconds, ts], a rate and a gauge alike, and is spread over the buckets which that
spans, weighted by time. One with seconds = 0 (or less than half a µs) is a point (reachable, rtt): a bucket that holds only
points has their plain mean and counts as covered whole; beside spans, points count for nothing. Days are UTC days, so none is
shorter than another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BUCKET_US = 300_000_000
BUCKETS = 288
DAY_US = BUCKET_US * BUCKETS
REACH_US = DAY_US  # a sample stands for at most the day that ends with it
_LARGEST = float(np.finfo(np.float32).max)


class Packed(NamedTuple):
    """Buckets of one day, shape [series, 288] each: time-weighted mean, largest value, seconds covered (0 = gap, NaN)."""

    mean: NDArray[np.float32]
    max: NDArray[np.float32]
    seconds: NDArray[np.int16]

    def rows(self, which: NDArray[np.bool_]) -> Packed:
        """Some of the series."""
        return Packed(self.mean[which], self.max[which], self.seconds[which])

    def measured(self) -> NDArray[np.bool_]:
        """Which series have anything in the day, shape [series]."""
        return np.asarray((self.seconds > 0).any(axis=1))


class Rolled(NamedTuple):
    """Hours or days made of buckets, shape [series, periods] each. `min` is the smallest 5-minute mean, `p95` a percentile of
    5-minute means (nearest rank), `amount` the sum of value x seconds; NaN where `seconds` is 0, `amount` then too.
    """

    mean: NDArray[np.float64]
    max: NDArray[np.float64]
    min: NDArray[np.float64]
    p95: NDArray[np.float64]
    amount: NDArray[np.float64]
    seconds: NDArray[np.int32]


def pack(
    row: NDArray[np.int64],
    ts: NDArray[np.int64],
    value: NDArray[np.float64],
    seconds: NDArray[np.float32],
    day_us: int,
    rows: int,
) -> Packed:
    """The buckets of the day that starts at `day_us`, from samples of shape [n]; row[i] in 0..rows-1 names the series.

    Samples may come in any order and may lie outside the day: what they cover of it counts. Values that are not finite do not.
    """
    row, ts, value, seconds = _in_order(row, ts, value, seconds)
    length = np.minimum(np.rint(seconds.astype(np.float64) * 1e6), REACH_US).astype(np.int64)
    end = ts - day_us
    first, last = np.clip(end - length, 0, DAY_US), np.clip(end, 0, DAY_US)
    spans, points = last > first, (length == 0) & (end >= 0) & (end < DAY_US)
    covered, mean, largest = _spread(row[spans], first[spans], last[spans], value[spans], rows)
    cell = row[points] * BUCKETS + end[points] // BUCKET_US
    if len(cell):
        alone = covered[cell] == 0
        cell, lone = cell[alone], value[points][alone]
        count = np.bincount(cell, minlength=rows * BUCKETS)
        hit = count > 0
        mean[hit] = np.bincount(cell, lone, rows * BUCKETS)[hit] / count[hit]
        covered[hit] = BUCKET_US
        np.maximum.at(largest, cell, lone)
    gap = covered == 0
    mean[gap] = largest[gap] = np.nan
    return Packed(_narrow(mean, rows), _narrow(largest, rows), _seconds(covered, rows))


def merge(old: Packed, new: Packed) -> Packed:
    """Both together, where `new` is from samples that `old` did not have: means weighted by the seconds each covers."""
    weight = old.seconds.astype(np.float64), new.seconds.astype(np.float64)
    total = weight[0] + weight[1]
    amount = np.nan_to_num(old.mean) * weight[0] + np.nan_to_num(new.mean) * weight[1]
    mean = np.divide(amount, total, out=np.full(total.shape, np.nan), where=total > 0)
    seconds = np.minimum(total, BUCKET_US // 1_000_000).astype(np.int16)
    return Packed(mean.astype(np.float32), np.fmax(old.max, new.max), seconds)


def roll_up(packed: Packed, buckets: int) -> Rolled:
    """Periods of `buckets` buckets each (12 = an hour, 288 = the day)."""
    shape = (len(packed.mean), -1, buckets)
    mean, largest = packed.mean.reshape(shape).astype(np.float64), packed.max.reshape(shape).astype(np.float64)
    weight = packed.seconds.reshape(shape).astype(np.float64)
    seconds = weight.sum(axis=2)
    gap = seconds == 0
    amount = np.where(gap, np.nan, (np.nan_to_num(mean) * weight).sum(axis=2))
    means = np.divide(amount, seconds, out=np.full(seconds.shape, np.nan), where=~gap)
    top = np.fmax.reduce(largest, axis=2)
    return Rolled(means, top, np.fmin.reduce(mean, axis=2), percentile95(mean), amount, seconds.astype(np.int32))


def percentile95(means: NDArray[np.floating]) -> NDArray[np.float64]:
    """Along the last axis, the smallest value that at least 95 % of the measured ones do not exceed (nearest rank); NaN = none.

    Applied to 5-minute means it is the figure that carriers bill by: the largest 5 % are set aside.
    """
    ranked = np.sort(means.astype(np.float64), axis=-1)  # NaN sorts last
    count = np.isfinite(ranked).sum(axis=-1, keepdims=True)
    rank = np.maximum((count * 95 + 99) // 100 - 1, 0)
    return np.take_along_axis(ranked, rank, axis=-1)[..., 0]


def _in_order(
    row: NDArray[np.int64], ts: NDArray[np.int64], value: NDArray[np.float64], seconds: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float32]]:
    """The finite samples by series and time: sums of floats depend on their order, history must not depend on that of arrival."""
    later = (np.diff(row) > 0) | ((np.diff(row) == 0) & (np.diff(ts) > 0))
    order: NDArray[np.int64] | slice = slice(None) if later.all() else np.lexsort((ts, row))
    row, ts, value, seconds = row[order], ts[order], value[order], seconds[order]
    finite = np.isfinite(value)
    return (row, ts, value, seconds) if finite.all() else (row[finite], ts[finite], value[finite], seconds[finite])


def _spread(
    row: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64], value: NDArray[np.float64], rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(µs covered, mean, largest) of each cell, shape [rows * 288]; spans lie within the day and are not empty."""
    bucket = first // BUCKET_US
    count = (last - 1) // BUCKET_US - bucket + 1
    sample = np.repeat(np.arange(len(row)), count)
    bucket = bucket[sample] + np.arange(len(sample)) - np.repeat(np.cumsum(count) - count, count)
    weight = np.minimum(last[sample], (bucket + 1) * BUCKET_US) - np.maximum(first[sample], bucket * BUCKET_US)
    cell, values = row[sample] * BUCKETS + bucket, value[sample]
    covered = np.bincount(cell, weight, rows * BUCKETS).astype(np.float64)  # of ints where there is none
    mean = np.bincount(cell, weight * values, rows * BUCKETS).astype(np.float64)
    np.divide(mean, covered, out=mean, where=covered > 0)
    largest = np.full(rows * BUCKETS, -np.inf)
    np.maximum.at(largest, cell, values)
    return covered, mean, largest


def _narrow(cells: NDArray[np.float64], rows: int) -> NDArray[np.float32]:
    return np.clip(cells, -_LARGEST, _LARGEST).astype(np.float32).reshape(rows, BUCKETS)


def _seconds(covered: NDArray[np.float64], rows: int) -> NDArray[np.int16]:
    """Whole seconds, at least 1 where anything is covered, at most 300 where samples overlap."""
    whole = np.clip(np.rint(covered / 1e6), covered > 0, BUCKET_US // 1_000_000)
    return whole.astype(np.int16).reshape(rows, BUCKETS)
