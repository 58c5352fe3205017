"""Which metrics add up to a volume: a rate in bit/s to bytes, any other rate to a count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from protocols.uplink.plan import Column, Profile

BYTES = {"bit/s": 1 / 8}
# What sensors measure without a profile.
OWN_UNITS = {
    "loss": "%",
    **dict.fromkeys(("rtt", "jitter", "response_time", "connect_time", "tls_time", "first_byte_time"), "s"),
    "certificate.days_left": "days",
}


def volumes(profiles: Collection[Profile]) -> dict[str, float]:
    """Metric -> what one unit over one second adds to its sum; gauges are absent."""
    return {column.metric: BYTES.get(column.unit, 1.0) for column in _columns(profiles) if column.type == "rate"}


def units(profiles: Collection[Profile]) -> dict[str, str]:
    """Metric -> its unit, "" for plain numbers and states."""
    speeds = [table.speed for profile in profiles for table in profile.tables if table.speed is not None]
    return OWN_UNITS | {column.metric: column.unit for column in (*_columns(profiles), *speeds)}


def _columns(profiles: Collection[Profile]) -> list[Column]:
    columns = [column for profile in profiles for table in profile.tables for column in table.columns]
    return columns + [column for profile in profiles for column in profile.scalars]
