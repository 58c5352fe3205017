"""From scores to what is told: an event starts with its first slot over the limit and ends when hours have passed without one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly import statistics
from analytics.anomaly.medians import Floats

PAUSE_HOURS = 3.0  # a shorter pause does not end an event
NONE = -1  # slot of an event that is not there


class Found(NamedTuple):
    """Events, shape [events] each: row of the service, first slot, slot after the last, side 1 high or -1 low, score >= 1."""

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    side: NDArray[np.int8]
    score: Floats


class Open(NamedTuple):
    """Events that go on, shape [n] each: first slot (NONE: no event), last slot over the limit, side and score of its worst."""

    start: NDArray[np.int64]
    last: NDArray[np.int64]
    side: NDArray[np.int8]
    score: Floats


def excess(score: Floats, limit: Floats) -> Floats:
    """Signed score as a multiple of its limit, the largest of the statistics: [5, n, slots], [2, 5, n] -> [n, slots]; 0 unknown."""
    known = statistics.current(score)
    high = (known / limit[0][:, :, None]).max(axis=0)
    low = (-known / limit[1][:, :, None]).max(axis=0)
    return np.asarray(np.where(high >= low, np.maximum(high, 0), -np.maximum(low, 0)))


def pause(slots: int) -> int:
    """Slots without an alarm that end an event."""
    return max(round(PAUSE_HOURS * slots / 24), 1)


def sustained(signed: Floats, slots: int) -> Found:
    """Events of a whole stretch: `signed` excess [n, t] -> Found, sorted by service and start. Its last events may go on."""
    row, at = np.nonzero(np.abs(signed) >= 1)
    if not len(row):
        return Found(row, at, at, np.zeros(0, np.int8), np.zeros(0))
    begins = np.append(True, (np.diff(row) != 0) | (np.diff(at) > pause(slots)))
    first = np.flatnonzero(begins)
    stop = np.append(first[1:], len(row)) - 1
    size = signed[row, at]
    score = np.maximum.reduceat(np.abs(size), first)
    side = np.where(np.maximum.reduceat(size, first) >= score, 1, -1).astype(np.int8)
    return Found(row[first], at[first], at[stop] + 1, side, score)


def quiet(count: int) -> Open:
    """The state of `count` services without an event."""
    return Open(np.full(count, NONE), np.full(count, NONE), np.zeros(count, np.int8), np.zeros(count))


def advance(state: Open, signed: Floats, slot: int, slots: int) -> tuple[Open, Found]:
    """One slot later: `signed` excess [n] at `slot` -> what goes on, and the events that have ended."""
    over = np.abs(signed) >= 1
    ended = (state.start != NONE) & (slot - state.last > pause(slots))
    row = np.flatnonzero(ended)
    done = Found(row, state.start[row], state.last[row] + 1, state.side[row], state.score[row])
    running = (state.start != NONE) & ~ended
    start = np.where(running, state.start, np.where(over, slot, NONE))
    worse = over & (~running | (np.abs(signed) > state.score))
    score = np.where(worse, np.abs(signed), np.where(running, state.score, 0.0))
    side = np.where(worse, np.sign(signed), np.where(running, state.side, 0)).astype(np.int8)
    last = np.where(over, slot, np.where(running, state.last, NONE))
    return Open(start, last, side, score), done
