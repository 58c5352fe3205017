"""Make room for the rows of the coming days before they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import batches
from storage.times import DAY_US

if TYPE_CHECKING:
    from server.jobs_process import Work

AHEAD = 3
EVERY = 3_600.0  # seconds


async def run(work: Work) -> None:
    """Once an hour, for ever."""
    while True:
        today = work.clock() // DAY_US
        async with work.pool.acquire() as con:
            await batches.ensure_days(con, range(today, today + AHEAD))
        await work.sleep(EVERY)
