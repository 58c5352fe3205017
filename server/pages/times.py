"""Instants and durations as a person reads them: the account's zone, 24 hours, UTC on hover."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storage.times import to_datetime

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MINUTE, HOUR, DAY = 60, 3_600, 86_400  # seconds


class View(NamedTuple):
    """From where and when a page looks: `now` in µs, and the zone of the account it speaks about."""

    now: int
    zone: str

    def clock(self, us: int, *, seconds: bool = False) -> str:
        """`14:02` today, `23 Nov 14:02` on another day, with the year in another year."""
        at, today = _local(us, self.zone), _local(self.now, self.zone)
        time = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
        if at.date() == today.date():
            return time
        year = "" if at.year == today.year else f" {at.year}"
        return f"{at.day} {MONTHS[at.month - 1]}{year} {time}"

    def hour(self, us: int) -> str:
        """`14:02`, whatever the day."""
        return f"{_local(us, self.zone):%H:%M}"

    def date(self, us: int) -> str:
        """`23 Nov`, with the year in another year."""
        at, today = _local(us, self.zone), _local(self.now, self.zone)
        return f"{at.day} {MONTHS[at.month - 1]}" + ("" if at.year == today.year else f" {at.year}")

    def abbreviation(self) -> str:
        """The zone's short name now: `CET`, `UTC`, or `+03` where it has none."""
        return _local(self.now, self.zone).tzname() or "UTC"

    def ago(self, us: int) -> str:
        """How long `us` lies back, as `length` says it."""
        return length(self.now - us)


def days_between(start: int, end: int, zone: ZoneInfo) -> str:
    """The local days of [start, end): `24 Nov` for one, `26 Oct to 24 Nov`; with years where a reader might wonder which."""
    first, last = to_datetime(start).astimezone(zone), to_datetime(end - 1).astimezone(zone)
    until = f"{last.day} {MONTHS[last.month - 1]}"
    if first.date() == last.date():
        return until
    begin = f"{first.day} {MONTHS[first.month - 1]}"
    if first.year == last.year:
        return f"{begin} to {until}" + (f" {last.year}" if (last - first).days > 300 else "")
    return f"{begin} {first.year} to {until} {last.year}"


def utc(us: int) -> str:
    """`24 Nov 2026 13:02:11 UTC`."""
    at = to_datetime(us)
    return f"{at.day} {MONTHS[at.month - 1]} {at:%Y %H:%M:%S} UTC"


def length(us: int) -> str:
    """A duration in its two largest units, cut off: `under a minute`, `38 min`, `2 h 5 min`, `3 days 4 h`."""
    seconds = max(0, us) // 1_000_000
    if seconds < MINUTE:
        return "under a minute"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < DAY:
        return _two(seconds // HOUR, "h", seconds % HOUR // MINUTE, "min")
    days = seconds // DAY
    return _two(days, "day" if days == 1 else "days", seconds % DAY // HOUR, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large:,} {large_unit} {small} {small_unit}" if small and large < 100 else f"{large:,} {large_unit}"


def _local(us: int, zone: str) -> datetime:
    return to_datetime(us).astimezone(zone_of(zone))


@functools.cache
def zone_of(name: str) -> ZoneInfo:
    """The zone, or UTC where the name is not known to this machine: a page is not the place to fail about it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
