"""One poll of a whole fleet: running sums instead of windows, so that its cost does not depend on how long they are.

The day is prepared once (`prepare`), and each slot of it polled in turn, with NaN for what was not measured. What comes out is what
replay.replay says of the same values. Arrays lie slot by slot, [slots, n], because a poll touches one slot of all services.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly import events, statistics
from analytics.anomaly.medians import Floats, median


class Day(NamedTuple):
    """What stays the same all day. `planned` [2 * slots, n]: expected values of yesterday and today; `scale` [5, slots, n].

    `limit` [2, 5, n]; `constant` [n]; `ready` [n]: whether anything may be told; `first`: number of the day's first slot.
    """

    planned: Floats
    scale: Floats
    limit: Floats
    constant: Floats
    ready: NDArray[np.bool_]
    first: int


class Running(NamedTuple):
    """What goes on from poll to poll. `single`, `calm` [2 * slots, n]: log ratios, written in place; `sums` [3, 4, n]: windows."""

    single: Floats
    calm: Floats
    sums: Floats
    open: events.Open


def prepare(day: Day, yesterday: Floats, going: events.Open) -> Running:
    """The state before the first slot of `day`; `yesterday`: measured values [n, slots], NaN where there were none."""
    slots = yesterday.shape[1]
    planned = day.planned[:slots]
    single, calm = (np.full(day.planned.shape, np.nan, np.float32) for _ in range(2))
    single[:slots] = statistics.single(yesterday.T, planned, day.constant)
    calm[:slots] = statistics.steady(single[:slots].T, slots).T
    parts = statistics.parts(calm[:slots], planned, day.constant)
    sums = np.stack([[part[slots - width :].sum(axis=0) for width in statistics.windows(slots)] for part in parts])
    return Running(single, calm, sums, going)


def poll(day: Day, running: Running, values: Floats, slot: int) -> tuple[Running, Floats, events.Found]:
    """The state after slot `slot` of the day with `values` [n], the signed excess [n], and the events that have ended."""
    single, calm, sums, going = running
    slots = len(day.planned) // 2
    at = slots + slot
    widths = statistics.windows(slots)
    single[at] = statistics.single(values, day.planned[at], day.constant)
    calm[at] = statistics.steady(single[at - 2 : at + 1].T, slots)[:, -1]
    rows = [at, *(at - width for width in widths)]  # what comes in, and what leaves each window
    parts = statistics.parts(calm[rows], day.planned[rows], day.constant)
    sums = sums + parts[:, :1] - parts[:, 1:]
    score = statistics.scores(_ratios(day, calm, sums, at, slots)[:, :, None], day.scale[:, slot, :, None])
    signed = events.excess(score, day.limit)[:, 0] * day.ready
    going, ended = events.advance(going, signed, day.first + slot, slots)
    return Running(single, calm, sums, going), signed, ended


def _ratios(day: Day, calm: Floats, sums: Floats, at: int, slots: int) -> Floats:
    """The five statistics of statistics.ratios at one slot, [5, n]."""
    widths = statistics.windows(slots)
    found = [statistics.ratio(sums[0, k], sums[1, k], sums[2, k], day.constant, width) for k, width in enumerate(widths)]
    if widths[0] >= statistics.POLLS:
        found[0] = np.where(np.isfinite(found[0]), calm[at], np.nan)
    length, gap = statistics.reach(slots)
    return np.stack([*found, found[0] - median(calm[at + 1 - gap - length : at + 1 - gap], 0)])
