"""Notice agents that fall silent: it is the reason, not the time, of the No Data that follows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from storage import agents, callers
from storage.database import as_tenant

if TYPE_CHECKING:
    from server.jobs_process import Work

EVERY = 5.0  # seconds
log = logging.getLogger("lineside.agents")


async def run(work: Work) -> None:
    """Every few seconds, for ever."""
    while True:
        async with work.pool.acquire() as con:
            tenants = await callers.tenants(con)
        for tenant_id in tenants:
            async with as_tenant(work.pool, tenant_id) as con:
                for name in await agents.fallen_silent(con, tenant_id, work.clock()):
                    log.warning("%s has not been heard for %d s", name, agents.SILENT_US // 1_000_000)
        await work.sleep(EVERY)
