"""Availability and measurements in words: shares truncated, how a day was spent, what a series is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.availability import percent
from server.pages import times, words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.availability import Figures, Seconds
    from analytics.periods import Period

SPENT = (
    ("down", "Down"),
    ("has_issues", "Has Issues"),
    ("no_data", "No Data"),
    ("maintenance", "in maintenance"),
    ("not_in_service", "not in service"),
    ("up", "Up"),
)
VERDICTS = {
    "met": ("up", "met"),
    "missed": ("down", "missed"),
    "undetermined": ("none", "undetermined"),
    None: ("off", "not measured"),
}


def up_only(of: Figures) -> str | None:
    """The share of the measured time that was Up without issues, in per cent, truncated."""
    spent = of.seconds
    return percent(spent.up, spent.up + spent.has_issues + spent.down)


def coverage(of: Figures) -> str | None:
    """The share of the time that should have been measured and was, in per cent with one digit, truncated."""
    spent = of.seconds
    known = spent.up + spent.has_issues + spent.down
    return percent(known, known + spent.no_data, 1)


def bounds(of: Figures) -> str:
    """Between which the true availability lies, by what was not measured; empty where both are the same."""
    spent = of.seconds
    good, known = spent.up + spent.has_issues, spent.up + spent.has_issues + spent.down + spent.no_data
    low, high = percent(good, known), percent(good + spent.no_data, known)
    return "" if low == high or not of.percent else f"{low} to {high} %"


def spent_words(seconds: Seconds) -> str:
    """`Down 38 min, Up 23 h 22 min`: how a stretch of time was spent, the worst first."""
    parts = [f"{word} {times.length(us)}" for name, word in SPENT if (us := getattr(seconds, name))]
    return ", ".join(parts)


def span_words(period: Period, zone: ZoneInfo) -> str:
    """From when to when a period is, by the days of its calendar; empty for the last 24 hours."""
    return "" if period.name.endswith("Hours") else times.days_between(period.start, period.end, zone)


def series_words(metric: str, instance: str, element: str = "") -> str:
    """What a series is called: `round trip of edge1 (ping)`."""
    called = words.METRICS.get(metric, (metric.replace(".", " ").replace("_", " "), ""))[0] or "answers"
    whose = f" of {words.plain(element)}" if element else ""
    return f"{called}{whose}" + (f" ({words.plain(instance)})" if instance else "")


def unit_of(metric: str) -> str:
    """The unit of a metric; empty for a plain number."""
    return words.METRICS.get(metric, ("", ""))[1]
