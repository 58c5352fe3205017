"""End RADIUS sessions of which nothing more is heard, and count sessions and users every five minutes, again for late reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.sessions import STALE
from storage import batches, session_counts
from storage.callers import tenants
from storage.database import as_tenant
from storage.times import DAY_US, SECOND_US

if TYPE_CHECKING:
    from server.jobs_process import Work
    from storage.database import Pool

EVERY = 60.0  # seconds
GRACE_US = 60 * SECOND_US  # five minutes are counted this long after they ended: what is under way then is not late
SILENT = DAY_US  # a NAS that reports nothing between Start and Stop


async def run(work: Work) -> None:
    """Once a minute, for ever."""
    while True:
        await count(work.pool, work.clock())
        await work.sleep(EVERY)


async def count(pool: Pool, now: int) -> None:
    """All that is due, of all tenants. `now`: µs."""
    async with pool.acquire() as con:
        known = await tenants(con)
    for tenant_id in known:
        async with as_tenant(pool, tenant_id) as con:
            await session_counts.end_stale(con, tenant_id, now, STALE, SILENT)
            span = await session_counts.due(con, tenant_id, now - GRACE_US)
            if span is None:
                continue
            await batches.ensure_days(con, range(span[0] // DAY_US, span[1] // DAY_US + 1))
            if made := await session_counts.counts(con, tenant_id, *span):
                await session_counts.store(con, tenant_id, made, now)
