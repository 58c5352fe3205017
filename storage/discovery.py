"""What targets say they have: the latest of each attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from storage.times import to_datetime

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.kept import Kept, Write


async def prepare(con: Connection, kept: Kept) -> Write:
    """Of rows that name the same attribute only the latest is written, and only where none later is there."""
    del con
    part = kept.part
    names = [np.array(part.texts, np.object_)[column] for column in (part.kind, part.instance, part.name, part.value)]
    latest: dict[tuple[int, str, str, str], tuple[int, str]] = {}
    for sensor, ts, *name, value in zip(part.sensor.tolist(), part.ts.tolist(), *(each.tolist() for each in names), strict=True):
        key = (sensor, *name)
        if key not in latest or latest[key][0] <= ts:
            latest[key] = (ts, value)
    # in one order, so that two batches which tell of the same never wait for each other in a circle
    rows = [(*key, value, to_datetime(ts)) for key, (ts, value) in sorted(latest.items())]

    async def write(con: Connection) -> None:
        await con.execute(
            """insert into discovery as d (tenant_id, sensor_id, kind, instance, name, value, seen_at)
               select $1, * from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
               on conflict (tenant_id, sensor_id, kind, instance, name)
               do update set value = excluded.value, seen_at = excluded.seen_at where d.seen_at <= excluded.seen_at""",
            kept.tenant_id,
            *(list(column) for column in zip(*rows, strict=True)),
        )

    return write
