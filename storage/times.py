"""Instants between Python (int, microseconds since the Unix epoch, UTC) and the database (timestamptz)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


def to_datetime(us: int) -> datetime:
    """The aware datetime of an instant; exact."""
    return EPOCH + timedelta(microseconds=us)


def to_us(at: datetime) -> int:
    """The instant of an aware datetime; exact."""
    return (at - EPOCH) // MICROSECOND
