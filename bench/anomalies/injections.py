"""Events put into series whose truth is known: seven kinds with stated size and length, one in about a week for each series."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from analytics.anomaly.medians import Floats

Random = np.random.Generator
SEED = 20
GAP_DAYS = (5, 10)  # from one event to the next: 5 … 9 days
TRIES = 8
LEAST_CHANGE = 0.1  # of the volume: a "throttled transfer" on a link that is full changes nothing and is not put in


class Kind(NamedTuple):
    """`first`, `last`: hours of the day between which it starts; `hours`: length; `change(values, p95, random)`: what it does."""

    name: str
    first: float
    last: float
    hours: float
    change: Callable[[Floats, float, Random], Floats]


def _times(low: float, high: float) -> Callable[[Floats, float, Random], Floats]:
    return lambda values, _, random: values * random.uniform(low, high)


def _night(values: Floats, p95: float, random: Random) -> Floats:
    return np.asarray(np.fmax(values, random.uniform(0.6, 0.9) * p95) + 0 * values)


def _throttled(values: Floats, p95: float, random: Random) -> Floats:
    """A bulk transfer that takes 35 … 50 % of the peak all day, but never lets the sum rise above the peak."""
    return np.asarray(np.fmax(values, np.minimum(values + random.uniform(0.35, 0.5) * p95, p95)) + 0 * values)


KINDS = (
    Kind("plus_30_percent_6h", 7, 16, 6, _times(1.3, 1.3)),
    Kind("surge_2h", 8, 20, 2, _times(1.7, 2.5)),
    Kind("night_transfer_3h", 1, 3, 3, _night),
    Kind("throttled_transfer_18h", 0, 4, 18, _throttled),
    Kind("outage_1h", 7, 22, 1, _times(0, 0.05)),
    Kind("partial_drop_6h", 7, 16, 6, _times(0.35, 0.55)),
    Kind("burst_30min", 6, 22, 0.5, _times(3, 5)),
)
LABELLED = len(KINDS)  # what stands for a kind where people labelled an event


class Injected(NamedTuple):
    """One event: row, first slot, slot after the last, counted from the panel's first day; position in KINDS."""

    row: int
    start: int
    end: int
    kind: int


def inject(values: Floats, first_day: int, seed: int = SEED) -> tuple[Floats, list[Injected]]:
    """A copy of `values` [n, days, slots] with events from day `first_day` on, and what they are."""
    count, days, slots = values.shape
    flat = values.reshape(count, -1).copy()
    events = []
    for row in range(count):
        random = np.random.default_rng((seed, row))
        p95 = (
            float(np.nanquantile(flat[row, : first_day * slots], 0.95))
            if np.isfinite(flat[row, : first_day * slots]).any()
            else 0
        )
        day = first_day + int(random.integers(0, GAP_DAYS[1]))
        while day < days - 1:
            for _ in range(TRIES):  # until kind and hour suit what is measured that day
                kind = int(random.integers(len(KINDS)))
                event = _put(flat[row], p95, day * slots, slots, kind, random)
                if event:
                    events.append(Injected(row, *event, kind))
                    break
            day += int(random.integers(*GAP_DAYS))
    return flat.reshape(values.shape), events


def _put(series: Floats, p95: float, begin: int, slots: int, number: int, random: Random) -> tuple[int, int] | None:
    """Change `series` in place; None where there is too little data, or the event would change too little."""
    kind, hour = KINDS[number], slots / 24
    start = begin + int(random.uniform(kind.first, kind.last) * hour)
    end = min(start + max(round(kind.hours * hour), 1), len(series))
    old = series[start:end].copy()
    if np.isfinite(old).mean() < 0.7 or not np.nansum(old) > 0:
        return None
    new = kind.change(old, p95, random)
    if np.nansum(np.abs(new - old)) < LEAST_CHANGE * np.nansum(old):
        return None
    series[start:end] = new
    return start, end
