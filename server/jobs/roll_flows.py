"""Make hours of the minutes of flows when an hour has ended, and again when minutes come late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import flows
from storage.database import as_tenant

if TYPE_CHECKING:
    from server.jobs_process import Work
    from storage.database import Pool

EVERY = 60.0  # seconds; late minutes of one backlog gather meanwhile
GRACE_US = 5 * 60 * 1_000_000  # an hour closes this long after it ended: what is under way then is not late


async def run(work: Work) -> None:
    """Once a minute, for ever."""
    while True:
        await roll(work.pool, work.clock())
        await work.sleep(EVERY)


async def roll(pool: Pool, now: int) -> None:
    """All hours that are due, of all tenants. `now`: µs."""
    async with pool.acquire() as con:
        known = await flows.tenants(con)
    closed = (now - GRACE_US) // flows.HOUR_US * flows.HOUR_US
    for tenant_id in known:
        made = flows.HOURS_AT_ONCE
        while made == flows.HOURS_AT_ONCE:
            async with as_tenant(pool, tenant_id) as con:
                made = await flows.roll(con, tenant_id, closed)
