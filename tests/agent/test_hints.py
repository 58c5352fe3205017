"""A hint makes the poller ask a device at once, and leaves its place in time as it was."""

from __future__ import annotations

import asyncio
from collections import Counter

from agent.batcher import Row
from agent.collectors import snmp
from agent.hints import Hints
from tests.agent.snmp_stand import plan, target
from tests.fakes.snmp_device import SnmpDevice


async def test_a_hinted_device_is_polled_at_once() -> None:
    device = SnmpDevice("edge")
    where = target(await device.start(), name="edge", number=1, interval=600.0)
    rows: list[Row] = []
    hints = Hints()
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(snmp.run([where], plan(where), lambda new, _: rows.extend(new), lambda: 1, Counter(), hints=hints))
    try:
        await asyncio.sleep(0.05)
        assert rows == []
        begin = loop.time()
        hints.give(where.address)
        hints.give(where.address)
        while not rows and loop.time() - begin < 3:
            await asyncio.sleep(0.01)
        assert [row.value for row in rows if row.metric == "reachable"] == [1.0]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        device.close()
