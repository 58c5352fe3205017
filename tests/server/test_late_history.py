"""From a batch that comes late to packed history, through the server's front door."""

from pathlib import Path

import numpy as np

from server.jobs.pack_history import pack_tenant
from server.profiles import load_profiles
from server.volumes import volumes
from storage import late
from storage.database import as_tenant, connect
from storage.history import packed_day
from storage.times import DAY_US
from tests.fakes.world import SECOND, START, batch, world

TODAY = START // DAY_US


def test_what_carries_bits_adds_up_to_bytes_and_other_rates_to_counts():
    metrics = volumes(load_profiles().values())
    assert (metrics["if.in"], metrics["if.out"], metrics["if.in.errors"]) == (1 / 8, 1 / 8, 1.0)
    assert not {"if.oper_status", "if.speed", "cpu.load", "system.uptime"} & metrics.keys()


async def test_fresh_samples_leave_no_mark_and_late_ones_one_a_day(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        await w.put(batch([(ping, "rtt", "", START - n * SECOND, 0.01) for n in range(100)]), 1)
        assert await w.con.fetchval("select count(*) from history_dirty") == 0
        times = [START - 2 * DAY_US, START - 2 * DAY_US + SECOND, START - DAY_US, START]
        await w.put(batch([(ping, "reachable", "", ts, 1.0) for ts in times]), 2)
        marks = await w.con.fetch("select day, elements from history_dirty order by day")
        assert [late.day_of(row["day"]) for row in marks] == [TODAY - 2, TODAY - 1]
        assert all(len(row["elements"]) == 1 for row in marks)


async def test_a_batch_that_is_sent_again_leaves_no_second_mark(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        for _ in range(2):
            await w.put(batch([(ping, "rtt", "", START - DAY_US, 0.01)]), 1)
        assert await w.con.fetchval("select count(*) from history_dirty") == 1


async def test_a_day_that_is_stored_late_ends_in_history(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        noon = (TODAY - 1) * DAY_US + DAY_US // 2
        pool = await connect(database, "lineside_app", 3)
        try:
            await pack_tenant(pool, w.tenant, w.now, {})
            await w.put(batch([(ping, "rtt", "", noon + 60 * n * SECOND, 0.5) for n in range(1, 6)]), 1)
            await pack_tenant(pool, w.tenant, w.now + 60 * SECOND, {})
            series = await w.con.fetchval("select id from series where metric = 'rtt'")
            async with as_tenant(pool, w.tenant) as con:
                packed = await packed_day(con, w.tenant, TODAY - 1, np.array([series]))
        finally:
            await pool.close()
        assert (packed.mean[0, 144], packed.seconds[0, 144]) == (0.5, 300)
        assert np.isfinite(packed.mean).sum() == 1
