"""Rules of recurrence (RFC 5545 section 3.3.10) between a form's choices, the rule, and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
CODES = tuple(DAYS)
CHOICES = {
    "": "Only once",
    "daily": "Every day",
    "weekly": "Every week, on the days below",
    "fortnightly": "Every second week, on the days below",
    "monthly-day": "Every month, on the same date",
    "monthly-weekday": "Every month, on the same weekday of the month",
    "monthly-last": "Every month, on the last such weekday",
    "yearly": "Every year, on the same date",
    "keep": "As it is now",
}
_NTH = ("", "first", "second", "third", "fourth", "fifth")


class Choice(NamedTuple):
    """What a form says: one of CHOICES, weekdays as RFC codes, and where it ends: after `times`, or `until` (YYYYMMDD)."""

    repeat: str
    days: tuple[str, ...]
    times: str
    until: str


def rule(choice: Choice, start: datetime, kept: str = "") -> str:
    """The rule of a choice for a window that first begins at `start`, local; `kept` is the rule it has now."""
    day = CODES[start.weekday()]
    on = ",".join(code for code in CODES if code in choice.days) or day
    made = {
        "daily": "FREQ=DAILY",
        "weekly": f"FREQ=WEEKLY;BYDAY={on}",
        "fortnightly": f"FREQ=WEEKLY;INTERVAL=2;BYDAY={on}",
        "monthly-day": f"FREQ=MONTHLY;BYMONTHDAY={start.day}",
        "monthly-weekday": f"FREQ=MONTHLY;BYDAY={(start.day - 1) // 7 + 1}{day}",
        "monthly-last": f"FREQ=MONTHLY;BYDAY=-1{day}",
        "yearly": f"FREQ=YEARLY;BYMONTH={start.month};BYMONTHDAY={start.day}",
    }.get(choice.repeat, "")
    if choice.repeat == "keep":
        return kept
    if not made:
        return ""
    ends = f";COUNT={choice.times}" if choice.times else f";UNTIL={choice.until}" if choice.until else ""
    return made + ends


def choose(text: str) -> Choice:
    """The choice that makes this rule; `keep` for one that the form cannot say."""
    parts = _parts(text)
    freq, by = parts.get("FREQ", ""), parts.get("BYDAY", "")
    ends = (parts.get("COUNT", ""), parts.get("UNTIL", "")[:8])
    if not text:
        return Choice("", (), "", "")
    plain = set(parts) - {"COUNT", "UNTIL"}
    if freq == "WEEKLY" and plain <= {"FREQ", "INTERVAL", "BYDAY"} and parts.get("INTERVAL", "1") in ("1", "2"):
        return Choice("fortnightly" if parts.get("INTERVAL") == "2" else "weekly", tuple(filter(None, by.split(","))), *ends)
    known = {
        ("DAILY", frozenset({"FREQ"})): "daily",
        ("MONTHLY", frozenset({"FREQ", "BYMONTHDAY"})): "monthly-day",
        ("MONTHLY", frozenset({"FREQ", "BYDAY"})): "monthly-last" if by.startswith("-1") else "monthly-weekday",
        ("YEARLY", frozenset({"FREQ", "BYMONTH", "BYMONTHDAY"})): "yearly",
    }
    return Choice(known.get((freq, frozenset(plain)), "keep"), (), *ends)


def words(text: str) -> str:
    """`every week on Sunday`, `every month on the second Tuesday, 12 times`; the rule itself where it says more than that."""
    parts = _parts(text)
    freq, every = parts.get("FREQ", ""), parts.get("INTERVAL", "1")
    units = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
    if freq not in units or "BYSETPOS" in parts:
        return f"by the rule {text}" if text else "once"
    said = f"every {units[freq]}" if every == "1" else f"every {every} {units[freq]}s"
    if "BYDAY" in parts:
        said += f" on {_and([_weekday(each) for each in parts['BYDAY'].split(',')])}"
    if "BYMONTHDAY" in parts:
        said += f" on day {_and(parts['BYMONTHDAY'].split(','))}"
    if "BYMONTH" in parts:
        said += f" of month {_and(parts['BYMONTH'].split(','))}"
    if "COUNT" in parts:
        said += f", {parts['COUNT']} times"
    if "UNTIL" in parts:
        day = parts["UNTIL"]
        said += f", until {day[:4]}-{day[4:6]}-{day[6:8]}"
    return said


def _weekday(code: str) -> str:
    """`SU` Sunday, `2TU` the second Tuesday, `-1FR` the last Friday."""
    name, nth = DAYS.get(code[-2:], code), code[:-2]
    if not nth:
        return name
    number = int(nth)
    return f"the {'last' if number == -1 else _NTH[number] if 0 < number < len(_NTH) else nth + '.'} {name}"


def _and(each: Sequence[str]) -> str:
    return ", ".join(each[:-1]) + " and " + each[-1] if len(each) > 1 else each[0]


def _parts(text: str) -> dict[str, str]:
    return dict(each.partition("=")[::2] for each in text.upper().split(";") if "=" in each)
