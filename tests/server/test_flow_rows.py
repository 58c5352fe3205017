"""Flows come in exactly once, add up whatever batch they came with, and belong to the element whose port they passed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protocols.uplink.batch import Batch, Discovery, encode
from server.jobs.retain import retain
from server.jobs.roll_flows import roll
from storage.times import DAY_US
from tests.fakes.flow_batches import MINUTE, Row, body
from tests.fakes.world import INVENTORY, SECOND, START, World, world

pytestmark = pytest.mark.every_database

HOUR = 60 * MINUTE
FIRST = START // HOUR * HOUR  # the hour that is open at START
WITH_FLOWS: dict[str, Any] = INVENTORY | {
    "elements": [
        {**INVENTORY["elements"][0], "sensors": [*INVENTORY["elements"][0]["sensors"], {"kind": "flow"}]},
        INVENTORY["elements"][1],
    ]
}
SUMS = "select coalesce(sum(octets), 0)::bigint, coalesce(sum(measured_octets), 0)::bigint, coalesce(sum(flows), 0)::bigint from"


async def sensor(w: World) -> int:
    return (await w.sensors())["edge1 flow"]


async def hours(w: World) -> list[tuple[int, int]]:
    """(hours after FIRST, octets) of what is in flow_hour."""
    rows = await w.con.fetch(
        "select extract(epoch from ts)::bigint as at, sum(octets)::bigint from flow_hour group by 1 order by 1"
    )
    return [((at - FIRST // SECOND) // 3_600, octets) for at, octets in rows]


async def test_flows_are_stored_once_however_often_their_batch_is_sent(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_FLOWS) as w:
        flow = await sensor(w)
        packed = body(
            [Row(flow, FIRST, 100), Row(flow, FIRST, 50, application="dns"), Row(flow, FIRST, 7, name="ge9", direction=0)]
        )
        first, again = await w.put(packed), await w.put(packed)
        assert (first.json()["result"], first.json()["rows"], first.json()["rejected"]) == ("stored", 3, {})
        assert again.json()["result"] == "duplicate"
        assert tuple(await w.con.fetchrow(f"{SUMS} flow_minute")) == (157, 16, 3)
        found = await w.con.fetch(
            """select e.external_id, k.interface, k.direction, k.application, k.remote, m.octets from flow_minute m
               join flow_key k on k.id = m.key_id join element e on e.id = k.element_id order by m.octets desc"""
        )
        assert [tuple(row) for row in found] == [
            ("edge1-ge1", "", 1, "https", "198.51.100.0/24", 100),
            ("edge1-ge1", "", 1, "dns", "198.51.100.0/24", 50),
            ("edge1", "ge9", 0, "https", "198.51.100.0/24", 7),
        ]


async def test_a_late_part_of_a_minute_is_added_to_it(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_FLOWS) as w:
        flow = await sensor(w)
        for seq, octets in enumerate((100, 20, 3)):
            assert (await w.put(body([Row(flow, FIRST, octets)]), seq)).json()["rows"] == 1
        assert await w.con.fetchval("select count(*) from flow_key") == 1
        await roll(w.app.state.pool, FIRST + HOUR)
        assert await hours(w) == []  # not before five minutes have passed
        await roll(w.app.state.pool, FIRST + HOUR + 5 * MINUTE)
        assert await hours(w) == [(0, 123)]
        w.now = FIRST + HOUR + 6 * MINUTE
        await w.put(body([Row(flow, FIRST + 59 * MINUTE, 1_000)]), 9)
        for _ in range(2):
            await roll(w.app.state.pool, FIRST + HOUR + 7 * MINUTE)
        assert await hours(w) == [(0, 1_123)]


async def test_rows_that_cannot_be_are_refused_one_by_one(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_FLOWS) as w:
        flow = await sensor(w)
        rows = [
            Row(flow, FIRST, 1),
            Row(999_999, FIRST, 1),
            Row(flow, START + 11 * MINUTE, 1),
            Row(flow, START - 401 * DAY_US, 1),
        ]
        answer = (await w.put(body(rows))).json()
        assert answer["rows"] == 1
        assert answer["rejected"] == {"unknown_sensor": 1, "in_the_future": 1, "too_old": 1}
        assert "flows of sensor 999999" in await w.con.fetchval(
            "select example from ingest_reject where reason = 'unknown_sensor'"
        )


async def test_minutes_go_after_a_fortnight_and_what_comes_later_is_added_once(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_FLOWS) as w:
        flow, pool = await sensor(w), w.app.state.pool
        old = FIRST - 20 * DAY_US
        await w.put(body([Row(flow, old, 100), Row(flow, FIRST, 1)]), 1)
        await retain(pool, START // DAY_US)
        assert await w.con.fetchval(f"{SUMS} flow_minute") == 101  # it is in no hour yet
        await roll(pool, START)
        await retain(pool, START // DAY_US)
        assert await w.con.fetchval(f"{SUMS} flow_minute") == 1
        for seq in (2, 3):
            await w.put(body([Row(flow, old + MINUTE, 10)]), seq)
        await retain(pool, START // DAY_US)
        for _ in range(2):
            await roll(pool, START)
            await retain(pool, START // DAY_US)
        assert await hours(w) == [(-480, 120)]
        assert await w.con.fetchval(f"{SUMS} flow_minute") == 1


async def test_hours_go_after_400_days_and_sooner_where_a_tenant_wants_it(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_FLOWS) as w:
        flow, pool, today = await sensor(w), w.app.state.pool, START // DAY_US
        await w.put(body([Row(flow, FIRST - day * DAY_US, 1) for day in (399, 300, 30, 3)]))
        await roll(pool, START)
        await retain(pool, today)
        assert [hour // -24 for hour, _ in await hours(w)] == [399, 300, 30, 3]
        await w.con.execute(
            "insert into tenant_retention (tenant_id, flow_minute_days, flow_hour_days) values ($1, 2, 100)", w.tenant
        )
        await w.con.execute("insert into tenant (external_id, name) values ('other', 'Other')")
        await retain(pool, today)
        assert [hour // -24 for hour, _ in await hours(w)] == [30, 3]
        assert await w.con.fetchval("select count(*) from flow_minute") == 0
        await w.put(body([Row(flow, FIRST - 3 * DAY_US, 5)]), 2)
        await roll(pool, START)
        assert await hours(w) == [(-720, 1), (-72, 6)]
        await w.con.execute("delete from tenant_retention")
        await retain(pool, today + 800)
        assert await hours(w) == []


async def test_a_day_dropped_meanwhile_is_made_again(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_FLOWS) as w:
        flow = await sensor(w)
        await w.put(body([Row(flow, FIRST - 20 * DAY_US, 1)]), 1)
        await w.con.execute("select drop_flows('flow_minute', 1, '2026-09-10')")
        assert (await w.put(body([Row(flow, FIRST - 20 * DAY_US, 2)]), 2)).json()["rows"] == 1


async def test_of_what_a_target_says_the_latest_is_kept(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        snmp = (await w.sensors())["edge1 snmp"]

        def said(*rows: tuple[int, str]) -> bytes:
            texts = ["entity", "1", "software", *(value for _, value in rows)]
            n = len(rows)
            columns = [np.full(n, place, np.uint32) for place in range(3)]
            part = Discovery(
                np.full(n, snmp, np.uint32), np.array([ts for ts, _ in rows], np.int64), *columns, np.arange(3, 3 + n, dtype=np.uint32), texts
            )  # fmt: skip
            return encode(Batch(discovery=part))

        answer = await w.put(said((START, "22.4R3"), (START - SECOND, "22.4R2")), 1)
        assert (answer.json()["rows"], answer.json()["rejected"]) == (2, {})
        await w.put(said((START - 2 * SECOND, "22.4R1")), 2)
        assert await w.con.fetchval("select value from discovery") == "22.4R3"
        await w.put(said((START + SECOND, "23.1")), 3)
        assert await w.con.fetch("select kind, instance, name, value from discovery") == [("entity", "1", "software", "23.1")]
