"""A running lane for tests: a spool on a disk in memory, its writer running."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.batcher import Packed, Row, pack
from agent.budget import Budget
from agent.segments import Segments
from agent.spool import Spool
from protocols.uplink.batch import Lane
from tests.fakes.disk import Disk

EPOCH = "00000000000000aa"


def packed(number: int = 1, rows: int = 1) -> Packed:
    (one,) = pack([Row(number, "m", "", 1_000_000 * number + i, float(number), 0.0) for i in range(rows)], {number: 60.0})
    return one


@asynccontextmanager
async def running(disk: Disk | None = None, lane: Lane = "metrics", folder: str = "/spool") -> AsyncIterator[Spool]:
    segments = Segments(Path(folder), Budget(1 << 30, 0), Counter(), disk or Disk())
    spool = Spool(lane, EPOCH, segments)
    writer = asyncio.create_task(spool.run())
    try:
        yield spool
    finally:
        spool.close()
        await asyncio.wait_for(writer, 5)
