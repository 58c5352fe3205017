"""Maintenance windows: planned work over services, once or recurring (RFC 5545), in versions; a flag beside the status."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple, Protocol

from dateutil.rrule import rrulestr

from analytics.network import Instant
from analytics.periods import instant, local
from analytics.service_status import ServiceState
from analytics.timeline import Span, at_instant

MAINTENANCE = "maintenance"  # the flag
BEGINNING, END = -(1 << 62), 1 << 62
_PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"})
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days of each month
_MOST = 10_000
_YEAR = 366 * 86_400_000_000
_BLOCK = 64 * 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)


class Window(NamedTuple):
    """One version of a window. The first occurrence is [start, end), µs; later ones begin at the same local time in `zone`
    and last as long. `rrule`: the RECUR value of RFC 5545 without DTSTART, "" = once.

    A version counts from `recorded` on, when it was saved; one that is `back_dated` (with a reason) counts for all time.
    """

    start: Instant
    end: Instant
    zone: tzinfo
    rrule: str
    recorded: Instant
    back_dated: bool = False
    canceled: bool = False


class _Rule(Protocol):
    """What is used of dateutil's rule."""

    def xafter(self, dt: datetime, count: int | None = None, *, inc: bool = False) -> Iterable[datetime]: ...


def in_maintenance(versions: Sequence[Window], since: Instant, until: Instant) -> list[Span[None]]:
    """When work was or will be going on within [since, until), by all versions of one window, oldest first; merged."""
    found: list[tuple[Instant, Instant]] = []
    limit = END
    for version in reversed(versions):
        begin = BEGINNING if version.back_dated else version.recorded
        first, last = max(since, begin), min(until, limit)
        if first < last and not version.canceled:
            found += [(max(start, first), min(end, last)) for start, end in occurrences(version, first, last)]
        limit = min(limit, begin)
    return merged(found)


def occurrences(window: Window, since: Instant, until: Instant) -> Iterator[tuple[Instant, Instant]]:
    """[start, end) of each occurrence that touches [since, until), in order. A start that the clock skips is read with the
    offset before the change, one that comes twice is the first: planned work does not fall out because of a clock change.
    """
    length = window.end - window.start
    begin = max(since - length, window.start - 1) + 1
    for start in _starts(window, begin, until) if begin < until else ():
        yield start, start + length


def next_edge(versions: Sequence[Window], now: Instant) -> Instant | None:
    """When after `now` work begins or ends next by the newest version: an edge that an overlapping window hides counts too."""
    if not versions or versions[-1].canceled:
        return None
    newest = versions[-1]
    edges = [edge for start, end in occurrences(newest, now, now + _YEAR) for edge in (start, end) if edge > now]
    return min(edges) if edges else _first_from(newest, (now + _YEAR) // _BLOCK * _BLOCK)


def changes_past(versions: Sequence[Window], new: Window) -> bool:
    """Whether `new` says anything else about the time before it was recorded than the `versions` before it did: that is
    back-dating and needs a reason. A version that says nothing of that time (canceled, or begins later) leaves it as it was.
    """
    told = in_maintenance([new._replace(back_dated=True)], BEGINNING, new.recorded)
    return bool(told) and told != in_maintenance(versions, BEGINNING, new.recorded)


def merged(spans: Iterable[tuple[Instant, Instant]]) -> list[Span[None]]:
    """Overlapping and touching [start, end) as one."""
    joined: list[Span[None]] = []
    for start, end in sorted(spans):
        last = joined[-1].end if joined else None
        if last is not None and start <= last:
            joined[-1] = joined[-1]._replace(end=max(last, end))
        else:
            joined.append(Span(start, end, None))
    return joined


def planned(windows: Iterable[Sequence[Window]], since: Instant, now: Instant) -> list[Span[None]]:
    """When a service was in maintenance from `since` on, as known at `now`, by all its windows (versions of each, oldest
    first); what is open at `now` has no end.
    """
    spans = merged(
        (span.start, END if span.end is None else span.end)
        for versions in windows
        for span in in_maintenance(versions, since, now + 1)
    )
    if spans and spans[-1].end == now + 1:
        spans[-1] = spans[-1]._replace(end=None)
    return spans


def next_due(windows: Iterable[Sequence[Window]], now: Instant) -> Instant | None:
    """The next edge after `now` of any of a service's windows."""
    return min((edge for edge in (next_edge(versions, now) for versions in windows) if edge is not None), default=None)


def flagged(spans: Sequence[Span[ServiceState]], windows: Sequence[Span[None]]) -> list[Span[ServiceState]]:
    """A service's spans with the flag set while one of its `windows` (as planned) is open, cut at its edges; the status stays."""
    if not windows and not any(MAINTENANCE in span.value.flags for span in spans):
        return list(spans)
    edges = [edge for window in windows for edge in (window.start, window.end) if edge is not None]
    cut: list[Span[ServiceState]] = []
    for span in spans:
        last = len(edges) if span.end is None else bisect_left(edges, span.end)
        inner = edges[bisect_right(edges, span.start) : last]
        for start, end in zip([span.start, *inner], [*inner, span.end], strict=True):
            cut.append(Span(start, end, span.value))
    return [_marked(span, windows) for span in cut]


def _marked(span: Span[ServiceState], windows: Sequence[Span[None]]) -> Span[ServiceState]:
    held = at_instant(windows, span.start) is not None
    flags = span.value.flags - {MAINTENANCE} | ({MAINTENANCE} if held else frozenset())
    return span if flags == span.value.flags else span._replace(value=span.value._replace(flags=flags))


def fault_of(window: Window) -> str | None:
    """What is wrong with a window, as a sentence; None if it can be used. No error leaves this function."""
    if window.start >= window.end:
        return "A maintenance window ends after it begins."
    return _fault_of_rule(window) if window.rrule else None


def _fault_of_rule(window: Window) -> str | None:
    rrule = window.rrule.upper()
    parts = dict(re.findall(r"(\w+)=([^;]*)", rrule))
    if ";".join(f"{name}={value}" for name, value in parts.items()) != rrule or not parts.keys() <= _PARTS:
        return f"{window.rrule!r} is no rule of recurrence: write FREQ=WEEKLY;BYDAY=SU, of {', '.join(sorted(_PARTS))}."
    if parts.get("FREQ") not in _FREQUENCIES:
        return f"FREQ is one of {', '.join(_FREQUENCIES)}: planned work does not recur more often than daily."
    if "BYSETPOS" in parts and parts["FREQ"] in ("DAILY", "WEEKLY"):
        return "BYSETPOS goes with MONTHLY and YEARLY only."
    try:
        months = [int(each) for each in parts.get("BYMONTH", "").split(",") if each] or range(1, 13)
        days = [abs(int(each)) for each in parts.get("BYMONTHDAY", "").split(",") if each] or [1]
        if not any(1 <= day <= _LONGEST[month - 1] for month in months for day in days):
            return f"{window.rrule!r} never comes: no such day is in these months."
        if not (1 <= int(parts.get("INTERVAL", "1")) <= _MOST and 1 <= int(parts.get("COUNT", "1")) <= _MOST):
            return f"INTERVAL and COUNT lie between 1 and {_MOST}."
        first = next(occurrences(window, window.start, END), None)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        return f"{window.rrule!r} is no rule of recurrence: {error}."
    return None if first == (window.start, window.end) else f"The window does not begin on a day of its rule {window.rrule!r}."


def _starts(window: Window, since: Instant, until: Instant) -> Iterable[Instant]:
    """When occurrences begin within [since, until)."""
    if not window.rrule:
        return (window.start,) if since <= window.start < until else ()
    if until - since > 2 * _YEAR:
        return (at for at in _recurring(window, since, until) if since <= at < until)
    first, last = since // _BLOCK * _BLOCK, -(-until // _BLOCK) * _BLOCK
    known = _block(window, first, last)
    return known[bisect_left(known, since) : bisect_left(known, until)]


@lru_cache(maxsize=4_096)
def _block(window: Window, since: Instant, until: Instant) -> tuple[Instant, ...]:
    """The same, remembered: many services have the same window, and ask about nearly the same time again and again."""
    return tuple(sorted(_recurring(window, since, until)))


@lru_cache(maxsize=4_096)
def _first_from(window: Window, since: Instant) -> Instant | None:
    """When the first occurrence from `since` on begins."""
    return next((at for at in (_recurring(window, since, END) if window.rrule else (window.start,)) if at >= since), None)


def _recurring(window: Window, since: Instant, until: Instant) -> Iterator[Instant]:
    """The starts by the rule until `until`, from a day before `since`: local times do not run as evenly as instants do."""
    rule, last = _rule(window)
    after = local(max(since, window.start), window.zone).replace(tzinfo=None) - timedelta(days=1)
    moments = (instant(at.replace(tzinfo=window.zone)) for at in rule.xafter(after, inc=True))
    return takewhile(lambda at: at < until and at <= last, moments)


def _rule(window: Window) -> tuple[_Rule, Instant]:
    """The recurrence in local times without zone, and the last instant at which an occurrence may start."""
    found = re.search(r";?UNTIL=(\d{8})(T\d{6})?(Z)?", window.rrule, re.IGNORECASE)
    rest = re.sub(r";?UNTIL=[^;]*", "", window.rrule, flags=re.IGNORECASE).lstrip(";")
    begin = local(window.start, window.zone).replace(tzinfo=None)
    rule: _Rule = rrulestr(rest, dtstart=begin)
    if found is None:
        return rule, END
    day, time, utc = found.groups()
    last = datetime.strptime(day + (time or "T235959"), "%Y%m%dT%H%M%S").replace(tzinfo=UTC if utc else window.zone)
    return rule, instant(last + (timedelta(0) if time else timedelta(seconds=1) - _MICROSECOND))
