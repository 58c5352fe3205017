"""A history as bars, one a local day: what the worst of each day was, and how available it was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analytics.availability import POLICIES, Seconds, available_percent, together
from analytics.availability_arrays import spent_many
from analytics.periods import local_date, midnight
from server.pages.times import MONTHS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, tzinfo

    from numpy.typing import NDArray

    from analytics.availability import Policy
    from analytics.availability_arrays import SpanArrays

DAYS = 90
PITCH, WIDTH = 16, 11  # units of the drawing: from bar to bar, and a bar
# The first of these that a day has time in gives it its colour; a day mostly without data must not look like a good one.
_WORST = (("down", "Down"), ("has_issues", "Has Issues"), ("maintenance", "In maintenance"), ("up", "Up"), ("no_data", "No Data"))


class Day(NamedTuple):
    """One local day [start, end), µs. `said`: its worst status, empty before there was a service; `percent`: availability."""

    date: date
    start: int
    end: int
    said: str
    percent: str | None
    seconds: Seconds

    @property
    def tone(self) -> str:
        """The colour's name in class b-…."""
        return _TONES.get(self.said, "before")


_TONES = {"Down": "down", "Has Issues": "issues", "In maintenance": "plan", "Up": "up", "No Data": "none"}


def windows(now: int, zone: tzinfo, days: int = DAYS) -> list[tuple[date, int, int]]:
    """The last `days` local days, today until `now` among them, oldest first: date, start, end (µs)."""
    today = local_date(now, zone)
    dates = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    edges = [midnight(each, zone) for each in dates]
    return list(zip(dates, edges, [*edges[1:], max(now, edges[-1] + 1)], strict=True))


def days(spans: SpanArrays, policies: Sequence[Policy], now: int, zone: tzinfo, count: int = DAYS) -> list[Day]:
    """The days of one or several services together, `spans` numbered by position in `policies`."""
    wanted = windows(now, zone, count)
    spent: NDArray[np.int64] = np.zeros((0, count, len(Seconds())), np.int64)
    if len(policies):
        edges = np.array([each[1:] for each in wanted], np.int64)
        chosen = np.array([POLICIES.index(each) for each in policies], np.int8)
        spent = spent_many(spans, np.broadcast_to(edges, (len(policies), *edges.shape)), chosen)
    sums = spent.sum(axis=0).tolist() if len(policies) else [[0] * len(Seconds())] * count
    return [_day(*window, together([Seconds(*buckets)])) for window, buckets in zip(wanted, sums, strict=True)]


def _day(day: date, start: int, end: int, seconds: Seconds) -> Day:
    known = sum(seconds) - seconds.not_in_service
    said = next((word for name, word in _WORST if getattr(seconds, name)), "")
    if said in {"Up", "In maintenance"} and seconds.no_data * 2 > known:
        said = "No Data"
    return Day(day, start, end, said, available_percent(seconds), seconds)


def name(day: date) -> str:
    """`24 Nov`, as the axis and the titles say a day."""
    return f"{day.day} {MONTHS[day.month - 1]}"
