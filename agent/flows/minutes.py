"""When flows were: clocks that are wrong, and long flows spread over the minutes they span."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
MINUTE = 60_000_000  # µs
WRONG = 180_000_000  # µs that an exporter's clock may be off before the time of receipt is used
LATE = 3_600_000_000  # µs: the longest that a flow may have ended before it is told
LONGEST = 120 * MINUTE  # of a flow; what is said of earlier minutes is counted in the first of these


class Spread(NamedTuple):
    """Parts of flows, one a minute: all n flows with their last minute, then the rest. `row`: the flow of each of the rest."""

    minute: Ints  # since 1970 [n + m]
    octets: Ints
    packets: Ints
    row: Ints  # [m]


def right(times: tuple[Ints, Ints], skew: Ints, now: int, counters: Counter[str]) -> tuple[Ints, Ints]:
    """Start and end by this agent's clock. `skew` [n]: µs that the exporter's clock is ahead of ours.

    counters: flow.clock_off (flows of exporters whose clock is wrong), flow.time_off (flows whose own time is).
    """
    start, end = times
    off = np.abs(skew) > WRONG
    if off.any():
        counters["flow.clock_off"] += int(np.count_nonzero(off))
        shift = np.where(off, skew, 0)
        start, end = start - shift, end - shift
    odd = (end > now + WRONG) | (end < now - LATE)
    if odd.any():
        counters["flow.time_off"] += int(np.count_nonzero(odd))
        took = np.clip(end - start, 0, LONGEST)
        end = np.where(odd, now, end)
        start = np.where(odd, now - took, start)
    end = np.minimum(end, now)
    return np.maximum(np.minimum(start, end), end - LONGEST), end


def spread(start: Ints, end: Ints, octets: Ints, packets: Ints) -> Spread:
    """Counts of flows by the minutes they span, in proportion to the time; the parts of a flow add up exactly."""
    first, last = start // MINUTE, end // MINUTE
    long = np.flatnonzero(first != last)
    if not len(long):
        return Spread(last, octets, packets, long)
    earlier = last[long] - first[long]
    row = np.repeat(long, earlier)
    step = np.arange(len(row)) - np.repeat(np.cumsum(earlier) - earlier, earlier)
    minute = first[row] + step
    took = (end - start)[row].astype(np.float64)
    until, since = ((minute + 1) * MINUTE - start[row]) / took, np.maximum(minute * MINUTE - start[row], 0) / took
    parts = []
    for counted in (octets, packets):
        part = (np.floor(counted[row] * until) - np.floor(counted[row] * since)).astype(np.int64)
        rest = counted.copy()
        np.subtract.at(rest, row, part)
        parts.append(np.concatenate([rest, part]))
    return Spread(np.concatenate([last, minute]), parts[0], parts[1], row)
