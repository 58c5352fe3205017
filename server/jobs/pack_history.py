"""Pack the samples of each day that has closed, and again when samples come late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.profiles import load_profiles
from server.volumes import volumes
from storage import history, late
from storage.callers import tenants
from storage.database import as_tenant
from storage.times import DAY_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.jobs_process import Work
    from storage.database import Pool

EVERY = 60.0  # seconds; late data of one backlog gathers meanwhile
GRACE_US = 15 * 60 * SECOND_US  # a day closes this long after it ended: what is under way then is not late
SETTLE_US = 3_600 * SECOND_US  # late samples of days without raw rows stay this long for those who decide statuses
SERIES_AT_ONCE = 500


async def run(work: Work) -> None:
    """Once a minute, for ever."""
    metrics = volumes(load_profiles(work.settings.profiles_path).values())
    while True:
        now = work.clock()
        async with work.pool.acquire() as con:
            known = await tenants(con)
        for tenant_id in known:
            await pack_tenant(work.pool, tenant_id, now, metrics)
        await work.sleep(EVERY)


async def pack_tenant(pool: Pool, tenant_id: int, now: int, metrics: Mapping[str, float]) -> None:
    """All that is due for one tenant, unless another process is at it. `metrics`: what has a sum, and its scale."""
    async with late.alone(pool, tenant_id) as mine:
        if not mine:
            return
        async with as_tenant(pool, tenant_id) as con:
            done = await late.progress(con, tenant_id, now // DAY_US)
        for day in range(done.packed_to, (now - GRACE_US) // DAY_US):
            await _close(pool, tenant_id, day, metrics)
        while await _catch_up(pool, tenant_id, now, metrics):
            pass


async def _close(pool: Pool, tenant_id: int, day: int, metrics: Mapping[str, float]) -> None:
    """Pack all series of a day, some at a time; a crash in between does the day again."""
    async with as_tenant(pool, tenant_id) as con:
        await late.forget(con, tenant_id, day)
    after = 0
    while True:
        async with as_tenant(pool, tenant_id) as con:
            series = await history.series_after(con, tenant_id, after, SERIES_AT_ONCE, metrics)
            if not len(series.ids):
                await late.advance(con, tenant_id, day + 1)
                return
            await history.pack(con, tenant_id, day, series)
        after = int(series.ids[-1])


async def _catch_up(pool: Pool, tenant_id: int, now: int, metrics: Mapping[str, float]) -> bool:
    """Pack again what late samples touch, in the transaction that takes their marks; False when there is none."""
    async with as_tenant(pool, tenant_id) as con:
        done = await late.progress(con, tenant_id, now // DAY_US)
        marks = await late.claim(con, tenant_id, done, now - SETTLE_US)
        for day, elements in marks.items():
            series = await history.series_of(con, tenant_id, elements, metrics)
            for first in range(0, len(series.ids), SERIES_AT_ONCE):
                some = series.rows(slice(first, first + SERIES_AT_ONCE))
                await (history.pack if day >= done.raw_from else history.add)(con, tenant_id, day, some)
        return bool(marks)
