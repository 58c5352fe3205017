"""Which metrics add up to a volume: a rate in bit/s to bytes, any other rate to a count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from protocols.uplink.plan import Profile

BYTES = {"bit/s": 1 / 8}


def volumes(profiles: Collection[Profile]) -> dict[str, float]:
    """Metric -> what one unit over one second adds to its sum; gauges are absent."""
    columns = [column for profile in profiles for table in profile.tables for column in table.columns]
    columns += [column for profile in profiles for column in profile.scalars]
    return {column.metric: BYTES.get(column.unit, 1.0) for column in columns if column.type == "rate"}
