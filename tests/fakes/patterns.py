"""What simulated devices measure, as functions of time: the same in the past, which is sent at once, and in what is polled now.

Pure: instants in, values out; nothing here knows what time it is. Instants are seconds since the epoch, float64 of shape [n].
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
HOUR, DAY = 3600.0, 86_400.0
NOISE = 300.0  # seconds that one throw of the fast noise lasts

# Per cent of the peak by local hour, on workdays and at weekends; between the hours it goes in a straight line.
_PERCENT = {
    "office": (
        "5 5 5 5 5 7 15 38 72 92 100 95 76 84 98 96 82 55 30 18 12 9 7 6",
        "5 5 5 5 5 5 5 6 8 10 11 11 10 10 10 9 8 8 7 6 6 5 5 5",
    ),
    "shop": (
        "6 5 5 5 5 6 8 14 25 48 68 80 88 85 80 82 90 100 97 80 45 20 12 8",
        "7 6 5 5 5 5 7 10 22 55 82 97 100 100 98 92 80 62 45 30 18 12 10 8",
    ),
    "evening": (
        "30 20 13 10 9 10 16 28 36 40 43 46 50 50 52 56 64 74 86 95 100 98 80 52",
        "40 28 18 12 10 10 14 24 40 52 60 64 66 66 68 70 76 82 90 97 100 98 84 60",
    ),
    "school": (
        "3 3 3 3 3 4 10 55 90 100 97 92 75 95 88 55 25 14 10 8 6 5 4 3",
        "3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3",
    ),
    "steady": (
        "84 82 81 80 80 82 85 88 92 96 98 100 100 100 100 99 98 97 96 95 94 92 89 86",
        "80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80",
    ),
    "night": (
        "100 100 95 90 55 12 3 2 2 2 2 2 2 2 2 2 2 2 2 2 5 30 85 100",
        "100 100 95 90 55 12 3 2 2 2 2 2 2 2 2 2 2 2 2 2 5 30 85 100",
    ),
    "flat": (
        "100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100",
        "100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100 100",
    ),
}
SHAPES = {name: tuple(np.array(text.split(), np.float64) / 100 for text in both) for name, both in _PERCENT.items()}


class Change(NamedTuple):
    """Something that is otherwise in [start, end), there only in the local `hours` if any are given, and on workdays if asked.

    The value is multiplied, then something is added, then it is raised to `least`. `slope`: how much more `plus` is a day later.
    """

    start: float
    end: float
    times: float = 1.0
    plus: float = 0.0
    slope: float = 0.0
    least: float = 0.0
    hours: tuple[float, float] | None = None  # may go over midnight
    workdays: bool = False


class Pattern(NamedTuple):
    """A value over time: `level` is the peak of a day at `birth`, which grows by the share `growth` of it a day, before and after.

    A stock (what a disk holds) is `level` at `birth`, grows by `fill` a day, and every `every` days `freed` goes at once.
    """

    level: float
    shape: str = "flat"
    zone: str = "UTC"
    birth: float = 0.0
    seed: int = 0
    noise: float = 0.0
    growth: float = 0.0
    fill: float = 0.0
    every: float = 0.0
    freed: float = 0.0
    ceiling: float = np.inf
    whole: bool = False  # a number of things
    changes: tuple[Change, ...] = ()


def values(pattern: Pattern, t: Values) -> Values:
    """The value at each instant."""
    days = (t - pattern.birth) / DAY
    found = pattern.level * np.maximum(0.0, 1 + pattern.growth * days) * shape(pattern.shape, pattern.zone, t)
    found = found * np.maximum(0.0, 1 + pattern.noise * noise(pattern.seed, t))
    found = found + pattern.fill * days
    if pattern.every:
        found = found - pattern.freed * np.floor(days / pattern.every)
    for change in pattern.changes:
        inside = active(change, pattern.zone, t)
        late = (t - change.start) / DAY
        otherwise = np.maximum(found * change.times + change.plus + change.slope * late, change.least)
        found = np.where(inside, otherwise, found)
    found = np.clip(found, 0.0, pattern.ceiling)
    return np.round(found) if pattern.whole else found


def shape(name: str, zone: str, t: Values) -> Values:
    """The share of the day's peak at each instant."""
    hour, workday = local(zone, t)
    before = hour.astype(np.int64)
    rest = hour - before
    weekday, weekend = (table[before] * (1 - rest) + table[(before + 1) % 24] * rest for table in SHAPES[name])
    return np.where(workday, weekday, weekend)


def active(change: Change, zone: str, t: Values) -> NDArray[np.bool_]:
    """Whether the change holds at each instant."""
    inside = (t >= change.start) & (t < change.end)
    if change.hours is not None or change.workdays:
        hour, workday = local(zone, t)
        if change.hours is not None:
            first, last = change.hours
            inside &= ((hour >= first) & (hour < last)) if first <= last else ((hour >= first) | (hour < last))
        if change.workdays:
            inside &= workday
    return inside


def local(zone: str, t: Values) -> tuple[Values, NDArray[np.bool_]]:
    """(hour of the local day as a fraction, whether it is Monday to Friday) of each instant."""
    hours, which = np.unique((t // HOUR).astype(np.int64), return_inverse=True)
    there = t + np.array([_offset(zone, int(hour)) for hour in hours])[which]
    day = np.floor(there / DAY)
    return (there - day * DAY) / HOUR, (day + 3) % 7 < 5  # 1970-01-01 was a Thursday


@lru_cache(maxsize=16_384)
def _offset(zone: str, hour: int) -> float:
    """Seconds that local time is ahead of UTC in that hour since the epoch."""
    offset = datetime.fromtimestamp(hour * HOUR, ZoneInfo(zone)).utcoffset()
    return offset.total_seconds() if offset else 0.0


def noise(seed: int, t: Values) -> Values:
    """Between -1 and 1, mostly near 0: from 5 minutes to 5 minutes, over hours, and from day to day; the same at each call."""
    fast = _thrown(seed, t / NOISE) + _thrown(seed + 1, t / NOISE)
    slow, daily = _wave(seed + 2, t / (3 * HOUR)), _wave(seed + 3, t / DAY)
    return 0.25 * fast + 0.3 * slow + 0.2 * daily


def _wave(seed: int, x: Values) -> Values:
    before = np.floor(x)
    rest = x - before
    return _thrown(seed, before) * (1 - rest) + _thrown(seed, before + 1) * rest


def _thrown(seed: int, x: Values) -> Values:
    """A number between -1 and 1 for each whole part of `x` (splitmix64)."""
    with np.errstate(over="ignore"):
        z = np.floor(x).astype(np.int64).astype(np.uint64) + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z.astype(np.float64) / 2**63 - 1


def carried(pattern: Pattern, start: float, end: float) -> float:
    """The integral over [start, end), in steps of at most 10 s: what a counter grows by, in units of value x second."""
    steps = max(1, int(np.ceil((end - start) / 10)))
    width = (end - start) / steps
    middles = start + width * (np.arange(steps) + 0.5)
    return float(values(pattern, middles).sum() * width)
