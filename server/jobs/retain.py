"""Let go of what is older than it is to be kept, and compress what is closed where the database can."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

from storage import events, retention, sessions
from storage.callers import tenants
from storage.database import as_tenant
from storage.times import DAY_US

if TYPE_CHECKING:
    from server.jobs_process import Work
    from storage.database import Pool

log = logging.getLogger("lineside.jobs")
EVERY = 3_600.0  # seconds


async def run(work: Work) -> None:
    """Once an hour, for ever."""
    while True:
        await retain(work.pool, work.clock() // DAY_US)
        await work.sleep(EVERY)


async def retain(pool: Pool, today: int) -> None:
    """One round. `today`: days since the Unix epoch."""
    async with pool.acquire() as con:
        known, own = await tenants(con), await retention.wanted(con)
        each = [own.get(tenant_id, retention.Days()) for tenant_id in known]
        longest = (
            functools.reduce(retention.Days.longest, each, retention.Days(*[0] * len(retention.Days._fields)))
            if each
            else retention.Days()
        )
        gone = await retention.drop_whole(con, longest, today)
        await retention.compress(con, today)
    if any(gone.values()):
        log.info("older than it is to be kept, and dropped: %s", ", ".join(f"{n} of {what}" for what, n in gone.items()))
    for tenant_id, keep in zip(known, each, strict=True):
        async with as_tenant(pool, tenant_id) as con:
            if keep != longest:
                await retention.trim_tenant(con, tenant_id, keep, today)
            await retention.forget_epochs(con, tenant_id, today)
            while await events.drop_old(con, tenant_id, today) == events.AT_ONCE:
                pass
            await sessions.drop_old(con, tenant_id, today)
