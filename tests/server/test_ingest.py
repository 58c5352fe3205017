"""Batches come in exactly once, and what cannot be stored is counted and said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes.world import SECOND, START, batch, world

pytestmark = pytest.mark.every_database


async def test_a_batch_is_stored_once_however_often_it_is_sent(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        body = batch([(ping, "reachable", "", START, 1.0), (ping, "rtt", "", START, 0.02)])
        first, again = await w.put(body), await w.put(body)
        assert first.json() == {"result": "stored", "rows": 2, "rejected": {}, "generation": 1, "skew": 0.0}
        assert again.json()["result"] == "duplicate"
        assert await w.con.fetchval("select count(*) from sample") == 2


async def test_batches_sent_at_the_same_time_are_each_stored_once(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        bodies = [batch([(ping, "rtt", "", START + n * SECOND, float(n))]) for n in range(8)]
        answers = await asyncio.gather(*(w.put(body, seq) for body in bodies for seq in [bodies.index(body)] * 3))
        results = [answer.json()["result"] for answer in answers]
        assert results.count("stored") == 8
        assert await w.con.fetchval("select count(*) from sample") == 8
        assert str(await w.con.fetchval("select seen::text from ingest_claim")) == "{[0,8)}"


async def test_rows_that_are_there_already_under_another_batch_are_counted_not_doubled(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        await w.put(batch([(ping, "rtt", "", START, 0.1)]), 1)
        answer = await w.put(batch([(ping, "rtt", "", START, 0.2), (ping, "rtt", "", START + SECOND, 0.3)]), 2)
        assert (answer.json()["rows"], answer.json()["rejected"]) == (1, {"already_stored": 1})
        assert await w.con.fetchval("select array_agg(value order by ts) from sample") == [0.1, 0.3]


async def test_rows_of_unknown_sensors_and_impossible_values_are_refused_one_by_one(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        rows = [
            (ping, "rtt", "", START, 0.1),
            (999_999, "rtt", "", START, 0.1),
            (ping, "rtt", "", START + 1, float("nan")),
            (ping, "rtt", "", START + 11 * 60 * SECOND, 0.1),
            (ping, "rtt", "", START - 401 * 86_400 * SECOND, 0.1),
        ]
        answer = (await w.put(batch(rows))).json()
        assert answer["rows"] == 1
        assert answer["rejected"] == {"unknown_sensor": 1, "not_finite": 1, "in_the_future": 1, "too_old": 1}
        kept = {row["reason"]: row["example"] for row in await w.con.fetch("select reason, example from ingest_reject")}
        assert "sensor 999999" in kept["unknown_sensor"]


async def test_an_agent_cannot_report_for_a_sensor_of_another_site(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await w.apply({"sites": [{"id": "branch", "name": "Branch"}]})
        assert (await w.enrol(await w.token("branch"), "cd" * 32, "other")).status_code == 200
        ping = (await w.sensors())["edge1 ping"]
        answer = await w.put(batch([(ping, "reachable", "", START, 0.0)]), secret="cd" * 32)
        assert answer.json()["rejected"] == {"unknown_sensor": 1}
        assert await w.con.fetchval("select count(*) from sample") == 0


async def test_what_a_device_says_of_a_placed_port_belongs_to_the_ports_element(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        snmp = (await w.sensors())["edge1 snmp"]
        await w.put(
            batch([(snmp, "if.in", "ge1", START, 5e6), (snmp, "if.in", "ge2", START, 6e6), (snmp, "reachable", "", START, 1.0)])
        )
        rows = await w.con.fetch(
            "select e.external_id, s.metric, s.instance, d.value from sample d join series s on s.id = d.series_id "
            "join element e on e.id = s.element_id order by 1, 2, 3"
        )
        assert [tuple(row) for row in rows] == [
            ("edge1", "if.in", "ge2", 6e6),
            ("edge1", "reachable", "snmp", 1.0),
            ("edge1-ge1", "if.in", "", 5e6),
        ]


async def test_a_port_placed_later_takes_its_samples_from_then_on(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        snmp = (await w.sensors())["edge1 snmp"]
        await w.put(batch([(snmp, "if.in", "ge2", START, 1.0)]), 1)
        await w.apply({"elements": [{"id": "edge1-ge2", "name": "edge1 ge2", "device": "edge1", "port": "ge2"}]})
        for _ in range(100):  # the notice comes through the database
            await asyncio.sleep(0.02)
            if not w.app.state.ingest._maps:
                break
        await w.put(batch([(snmp, "if.in", "ge2", START + SECOND, 2.0)]), 2)
        rows = await w.con.fetch(
            "select e.external_id from sample d join series s on s.id = d.series_id join element e on e.id = s.element_id order by ts"
        )
        assert [row["external_id"] for row in rows] == ["edge1", "edge1-ge2"]


async def test_a_clock_that_is_off_by_more_than_five_minutes_is_corrected_once(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        for seq, ahead in enumerate((299, 3_600, -86_400)):
            body = batch([(ping, f"m{seq}", "", START + ahead * SECOND, 1.0)])
            answer = await w.put(body, seq, X_Sent_At=repr(START / SECOND + ahead))
            assert answer.json()["skew"] == pytest.approx(ahead)
        rows = await w.con.fetch(
            "select s.metric, extract(epoch from d.ts)::bigint as at from sample d join series s on s.id = d.series_id order by 1"
        )
        assert [row["at"] - START // SECOND for row in rows] == [299, 0, 0]
        assert await w.con.fetchval("select skew_seconds from agent") == pytest.approx(-86_400)


async def test_days_long_past_get_their_room_when_a_backlog_arrives(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        days = [30, 29, 1]
        answer = await w.put(batch([(ping, "rtt", "", START - day * 86_400 * SECOND, 1.0) for day in days]))
        assert answer.json()["rows"] == 3


async def test_a_day_dropped_by_retention_meanwhile_is_made_again(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        old = START - 20 * 86_400 * SECOND
        await w.put(batch([(ping, "rtt", "", old, 1.0)]), 1)
        await w.con.execute("select drop_sample_days('2026-09-10')")
        assert await w.con.fetchval("select count(*) from sample") == 0
        assert (await w.put(batch([(ping, "rtt", "", old + SECOND, 2.0)]), 2)).json()["rows"] == 1
