"""The ten periods people look at: fixed, by the calendar of a time zone; durations are elapsed UTC time, so DST days differ."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from analytics.network import Instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = 3_600_000_000


class Period(NamedTuple):
    """The window [start, end) that a name stands for now, µs."""

    name: str
    start: Instant
    end: Instant


class Calendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How periods are cut; the defaults are Lineside's own. `week_start`: 1 = Monday … 7 = Sunday."""

    hours: Annotated[int, Meta(ge=1)] = 24
    days: tuple[int, ...] = (7, 30, 90, 365)
    week_start: Annotated[int, Meta(ge=1, le=7)] = 1


PRIOR = ("Prior Day", "Prior Week", "Prior Month", "Prior Quarter", "Prior Year")
NAMES = ("Last 24 Hours", "Last 7 Days", "Last 30 Days", "Last 90 Days", "Last 365 Days", *PRIOR)
USUAL = Calendar()


def periods(now: Instant, zone: tzinfo, calendar: Calendar = USUAL) -> tuple[Period, ...]:
    """All periods as they are at `now`, in the order of NAMES. Last ones end now, prior ones at a local midnight before."""
    today = local_date(now, zone)
    found = [Period(f"Last {calendar.hours} Hours", now - calendar.hours * _HOUR, now)]
    found += [Period(f"Last {n} Days", midnight(today - timedelta(days=n - 1), zone), now) for n in calendar.days]
    for name, (first, after) in zip(PRIOR, _prior(today, calendar.week_start), strict=True):
        found.append(Period(name, midnight(first, zone), midnight(after, zone)))
    return tuple(found)


def midnight(day: date, zone: tzinfo) -> Instant:
    """When `day` begins in `zone`, µs. Where the clock skips midnight, the instant at which it does."""
    return instant(datetime(day.year, day.month, day.day, tzinfo=zone))


def local_date(at: Instant, zone: tzinfo) -> date:
    """The date in `zone` at `at`."""
    return local(at, zone).date()


def local(at: Instant, zone: tzinfo) -> datetime:
    """The aware local time of an instant; exact."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)


def instant(at: datetime) -> Instant:
    """The instant of an aware datetime, µs; exact. A time that the clock skips is read with the offset before the change."""
    return (at - _EPOCH) // _MICROSECOND


def _prior(today: date, week_start: int) -> list[tuple[date, date]]:
    """First day of the prior day, week, month, quarter and year, each with the day after its last."""
    week = today - timedelta(days=(today.isoweekday() - week_start) % 7)
    month = today.replace(day=1)
    quarter = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    year = date(today.year, 1, 1)
    return [
        (today - timedelta(days=1), today),
        (week - timedelta(days=7), week),
        (_months_back(month, 1), month),
        (_months_back(quarter, 3), quarter),
        (date(today.year - 1, 1, 1), year),
    ]


def _months_back(first: date, months: int) -> date:
    """The first of the month that lies so many months before the one that begins on `first`."""
    count = first.year * 12 + first.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)
