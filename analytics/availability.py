"""Availability: seconds by status of a timeline, and the ratio people are promised. Durations are whole microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analytics.element_status import DOWN, HAS_ISSUES, NO_DATA, NOT_IN_SERVICE, UP
from analytics.network import Instant
from analytics.service_status import ServiceState
from analytics.timeline import Span, clip


class Seconds(NamedTuple):
    """How a window [start, end) was spent, in µs. The buckets sum to the window."""

    not_in_service: int = 0
    no_data: int = 0
    down: int = 0
    has_issues: int = 0
    up: int = 0


_BUCKET = {NOT_IN_SERVICE: 0, NO_DATA: 1, DOWN: 2, HAS_ISSUES: 3, UP: 4}


def spent(spans: Sequence[Span[ServiceState]], start: Instant, end: Instant) -> Seconds:
    """The window's µs by *raw* status: damping is for people's eyes. What no span covers is No Data."""
    buckets = [0] * len(_BUCKET)
    for first, last, state in clip(spans, start, end):
        buckets[_BUCKET[state.raw]] += last - first
    buckets[_BUCKET[NO_DATA]] += max(end - start, 0) - sum(buckets)
    return Seconds(*buckets)


def availability(seconds: Seconds) -> float | None:
    """(up + has_issues) / (up + has_issues + down), 0 to 1; None where nothing was measured."""
    measured = seconds.up + seconds.has_issues + seconds.down
    return (seconds.up + seconds.has_issues) / measured if measured else None


def availability_up_only(seconds: Seconds) -> float | None:
    """The stricter up / (up + has_issues + down), 0 to 1; None where nothing was measured."""
    measured = seconds.up + seconds.has_issues + seconds.down
    return seconds.up / measured if measured else None


def percent(good: int, measured: int, places: int = 3) -> str | None:
    """The ratio as people read it, truncated and never rounded up: 99.9996 % is "99.999". None where nothing was measured."""
    if not measured:
        return None
    whole, rest = divmod(good * 100 * 10**places // measured, 10**places)
    return f"{whole}.{rest:0{places}d}" if places else str(whole)


def available_percent(seconds: Seconds, places: int = 3) -> str | None:
    """The availability of `seconds` in per cent, truncated."""
    good = seconds.up + seconds.has_issues
    return percent(good, good + seconds.down, places)
