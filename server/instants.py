"""Instants as text: RFC 3339 in, UTC with `Z` and milliseconds out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from storage.times import to_datetime, to_us

_FORM = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def parse(text: str) -> int | None:
    """The instant (µs, whole milliseconds) of an RFC 3339 text with offset from 1970 to 2199; None if it is no such text."""
    if not _FORM.fullmatch(text):
        return None
    fraction = re.search(r"\.(\d+)", text)
    plain = text if fraction is None else text.replace(fraction[0], f".{fraction[1][:3].ljust(3, '0')}")
    try:
        at = datetime.fromisoformat(plain.upper())
        return to_us(at) if _FIRST <= at < _LAST else None
    except (ValueError, OverflowError):
        return None


def text(us: int) -> str:
    """`2025-06-15T15:06:40.000Z`; what is less than a millisecond is cut off."""
    return to_datetime(us).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_one_form(given: str) -> str:
    """A valid instant as we write it."""
    us = parse(given)
    return given if us is None else text(us)
