"""All days of a fleet at once, each with what was known before it: for tests, benches, and a server that starts with a history."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly import events, profile, statistics
from analytics.anomaly.calendar import SATURDAY, Days, alike
from analytics.anomaly.learning import Learned, learn, nothing, scale
from analytics.anomaly.medians import Floats
from analytics.anomaly.thresholds import limits


class Replay(NamedTuple):
    """`signed` [n, days, slots]: excess over the limit, high > 0, 0 where nothing may be told; `planned` alike, the expected values.

    `learned`: the state after the last day.
    """

    signed: Floats
    planned: Floats
    learned: Learned


def replay(values: Floats, days: Days, counts: NDArray[np.bool_], alpha: float = 1.0, fleet: Floats | None = None) -> Replay:
    """Judge `values` [n, days, slots] (NaN: absent; one unit of rate or count) day by day, from each series' day 14 on.

    `counts` [n]: a series of clients or sessions, not of rates. `alpha`: wanted false alarms per service and 30 days. `fleet`:
    daily maxima [2, 5, m, days] that give the limits instead of those of the rows.
    """
    count, length, slots = values.shape
    past = profile.shapes(values, profile.constants(values, counts))
    planned = np.full((count, length + 1, slots), np.nan, np.float32)  # [:, 0] lies before the first day
    actual = np.concatenate([np.full((count, 1, slots), np.nan), values], axis=1)
    signed = np.zeros((count, length, slots), np.float32)
    learned = nothing(count, slots)
    ready = _settled(values)
    for day in range(length):
        planned[:, day + 1] = profile.expected(past, days, day)
        two = slice(day, day + 2)
        pair = actual[:, two].reshape(count, -1), planned[:, two].reshape(count, -1)
        found = statistics.ratios(*pair, past.constant, slots, slots)
        score = statistics.scores(found, scale(learned, bool(days.kind[day] >= SATURDAY), alike(days, day)))
        if ready[:, day].any():
            limit = limits(learned.highest, alpha, fleet)
            signed[:, day] = events.excess(score, limit) * ready[:, day, None]
        if not days.holiday[day] and day > 0:
            learned = learn(learned, found, score, bool(days.kind[day] >= SATURDAY))
    return Replay(signed, planned[:, 1:], learned)


def found(signed: Floats) -> events.Found:
    """Sustained events of a replay, slots counted from its first day."""
    count, _, slots = signed.shape
    return events.sustained(signed.reshape(count, -1), slots)


def _settled(values: Floats) -> NDArray[np.bool_]:
    """Whether a series has 14 earlier days since its first value, and data on at least half of them: [n, days]."""
    present = np.asarray(np.isfinite(values).any(axis=2))
    before: NDArray[np.int64] = np.cumsum(present, axis=1) - present
    age = np.arange(present.shape[1]) - np.where(present.any(axis=1), present.argmax(axis=1), present.shape[1])[:, None]
    return np.asarray((age >= profile.SETTLING) & (before >= profile.SETTLING / 2))
