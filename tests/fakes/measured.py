"""Series with samples in a database, put there the way ingest does, with its marks for late data."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

import numpy as np

from server.jobs import pack_history
from storage import batches, late
from storage.database import Connection, Pool, as_tenant, connect, connect_owner
from storage.times import DAY_US

VOLUMES = {"if.in": 1 / 8}
Row = tuple[int, int, float, float]  # which series (0, 1, ...), ts in µs, value, seconds


class Measured:
    """One tenant; `series[i]` belongs to an element of its own, even ones measure if.in, odd ones rtt."""

    def __init__(self, owner: Connection, pool: Pool, ingest: Pool, tenant: int) -> None:
        self.owner, self.pool, self.ingest, self.tenant = owner, pool, ingest, tenant
        self.series: list[int] = []
        self.elements: list[int] = []

    async def add_series(self, count: int) -> None:
        first = len(self.series)
        for number in range(first, first + count):
            element, sensor = await self.owner.fetchrow(
                """with e as (insert into element (tenant_id, external_id, owner, name) values ($1, $2::text, 'api', $2::text) returning id),
                     s as (insert into sensor (tenant_id, element_id, name, kind, role)
                           select $1, id, 'ping', 'ping', 'reachability' from e returning id)
                   select e.id, s.id from e, s""",
                self.tenant,
                f"e{number}",
            )
            self.elements.append(element)
            self.series.append(
                await self.owner.fetchval(
                    """insert into series (tenant_id, id, element_id, sensor_id, metric, instance)
                       values ($1, $1::bigint << 40 | nextval('series_serial'), $2, $3, $4, '') returning id""",
                    self.tenant,
                    element,
                    sensor,
                    "rtt" if number % 2 else "if.in",
                )
            )

    async def store(self, rows: Sequence[Row], now: int) -> None:
        """One batch, in one transaction with its marks; `now` in µs."""
        which, ts, value, seconds = (np.array(column) for column in zip(*rows, strict=True))
        seconds = seconds.astype(np.float32)
        stream = batches.copy_buffer(
            np.array(self.series)[which], ts, value.astype(np.float64), seconds, np.zeros(len(ts), np.uint8)
        )
        marks = late.days_of(np.array(self.elements)[which], ts, seconds, now // DAY_US)
        async with self.ingest.acquire() as con:
            await batches.ensure_days(con, np.unique(ts // DAY_US).tolist())
            async with con.transaction():
                await batches.copy_samples(con, stream)
                await late.mark(con, self.tenant, marks, now)

    async def pack(self, now: int) -> None:
        """What the job does in one round."""
        await pack_history.pack_tenant(self.pool, self.tenant, now, VOLUMES)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        async with as_tenant(self.pool, self.tenant) as con:
            yield con


@contextlib.asynccontextmanager
async def measured(dsn: str, series: int = 2) -> AsyncIterator[Measured]:
    owner = await connect_owner(dsn)
    pool, ingest = await connect(dsn, "lineside_app", 4), await connect(dsn, "lineside_ingest", 2)
    try:
        tenant = await owner.fetchval("insert into tenant (external_id, name) values ('t', 'Tenant') returning id")
        made = Measured(owner, pool, ingest, tenant)
        await made.add_series(series)
        yield made
    finally:
        await pool.close()
        await ingest.close()
        await owner.close()
