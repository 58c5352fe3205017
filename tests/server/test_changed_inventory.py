"""An inventory change counts from when it was made: what was decided before stands, and history outlives the names of sensors."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from protocols.uplink.batch import REASON_CODE
from storage.times import to_us
from tests.fakes.world import INVENTORY, SECOND, SECRET, START, World, batch, bearer, world

pytestmark = pytest.mark.every_database
MINUTE = 60 * SECOND


async def _poll(w: World, minute: int, *rows: tuple[str, float]) -> None:
    """One poll of each sensor ("element name", answered) at a minute, and a sign of life."""
    w.now = max(w.now, START + minute * MINUTE)
    sensors = await w.sensors()
    body = [(sensors[name], "reachable", "", START + minute * MINUTE, value) for name, value in rows]
    await w.put(batch(body, reason=0 if all(value for _, value in rows) else REASON_CODE["timeout"]), 1_000 * len(rows) + minute)
    await w.client.post("/agent/v1/heartbeat", json={"version": "1", "plan": ""}, headers=bearer(SECRET))
    await w.decide()


async def _spans(w: World, table: str, name: str) -> list[tuple[int, str]]:
    """(minute since START, raw status) of each stretch, neighbours with one status joined."""
    noun = table.removesuffix("_span")
    rows = await w.con.fetch(
        f"select p.starts_at, p.raw from {table} p join {noun} e on e.id = p.{noun}_id where e.external_id = $1 order by 1", name
    )
    stretches: list[tuple[int, str]] = []
    for row in rows:
        if not stretches or stretches[-1][1] != row["raw"]:
            stretches.append((round((to_us(row["starts_at"]) - START) / MINUTE), row["raw"]))
    return stretches


def _with(**sensors: Any) -> dict[str, Any]:
    changed = copy.deepcopy(INVENTORY["elements"][0])
    changed["sensors"] = list(sensors.values())
    return {"elements": [changed]}


async def test_taking_a_sensor_away_changes_the_status_from_then_on_only(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        for minute in range(12):
            await _poll(w, minute, ("edge1 ping", 1.0), ("edge1 snmp", 0.0))
        before = await _spans(w, "element_span", "edge1")
        w.now = START + 12 * MINUTE
        await w.apply(_with(snmp={"kind": "snmp", "community": "public"}))
        await w.decide()
        after = await _spans(w, "element_span", "edge1")
        assert after[:-1] == before
        assert after[-1] == (12, "Down")


async def test_a_renamed_sensor_keeps_status_and_series(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        for minute in range(5):
            await _poll(w, minute, ("edge1 ping", 1.0), ("edge1 snmp", 1.0))
        sensors = await w.sensors()
        await w.put(batch([(sensors["edge1 snmp"], "cpu.load", "", START + 4 * MINUTE, 10.0)]), 50_000)
        before = await _spans(w, "element_span", "edge1")
        w.now = START + 5 * MINUTE
        await w.apply(_with(ping={"kind": "ping"}, snmp={"kind": "snmp", "name": "core", "community": "public"}))
        w.app.state.ingest.inventory_changed()
        await w.decide()
        assert (await _spans(w, "element_span", "edge1"))[: len(before)] == before
        sensors = await w.sensors()
        await w.put(batch([(sensors["edge1 core"], "cpu.load", "", START + 5 * MINUTE, 20.0)]), 50_001)
        rows = await w.con.fetch(
            "select s.sensor_id, d.value from sample d join series s on s.id = d.series_id where s.metric = 'cpu.load' order by d.ts"
        )
        assert [tuple(row) for row in rows] == [(sensors["edge1 core"], 10.0), (sensors["edge1 core"], 20.0)]


async def test_an_element_placed_later_says_nothing_about_the_service_before(database: str, tmp_path: Path) -> None:
    other = {"id": "other", "name": "other", "site": "hq", "address": "192.0.2.5", "sensors": [{"kind": "ping"}]}
    inventory = INVENTORY | {"elements": [*INVENTORY["elements"], other]}
    placed = copy.deepcopy(INVENTORY["services"][0])
    placed["elements"] = [{"element": "edge1"}, {"element": "other"}]
    async with world(database, tmp_path, inventory) as w:
        for minute in range(10):
            await _poll(w, minute, ("edge1 ping", 1.0), ("edge1 snmp", 1.0))
        w.now = START + 10 * MINUTE
        await w.apply({"services": [placed]})
        await w.decide()
        for minute in (3, 4, 5, 6):
            await _poll(w, minute, ("other ping", 0.0))
        for minute in (7, 8, 9, 10):
            await _poll(w, minute, ("other ping", 1.0))
        assert (3, "Down") in await _spans(w, "element_span", "other")
        assert "Down" not in {status for _, status in await _spans(w, "service_span", "SP-1")}


async def test_ports_go_stale_by_the_interval_that_was_in_force(database: str, tmp_path: Path) -> None:
    slow = {"kind": "snmp", "community": "public", "interval": 600}
    inventory = copy.deepcopy(INVENTORY)
    inventory["elements"][0]["sensors"] = [slow]
    async with world(database, tmp_path, inventory) as w:
        snmp = (await w.sensors())["edge1 snmp"]
        for number in range(12):
            at = START + number * 10 * MINUTE
            w.now = at
            rows = [(snmp, "reachable", "", at, 1.0), (snmp, "if.oper_status", "ge1", at, 1.0)]
            await w.put(batch(rows, 600.0), number)
            await w.client.post("/agent/v1/heartbeat", json={"version": "1", "plan": ""}, headers=bearer(SECRET))
        await w.decide()
        w.now = START + 115 * MINUTE
        await w.apply(_with(snmp=slow | {"interval": 60}))
        await w.decide()
        spans = await _spans(w, "element_span", "edge1-ge1")
        assert [span for span in spans if span[0] >= 0] == [(0, "Up")]


async def test_a_port_with_a_sensor_of_its_own_still_follows_its_device(database: str, tmp_path: Path) -> None:
    inventory = copy.deepcopy(INVENTORY)
    inventory["elements"][1] |= {"site": "hq", "address": "192.0.2.4", "sensors": [{"kind": "ping"}]}
    async with world(database, tmp_path, inventory) as w:
        snmp = (await w.sensors())["edge1 snmp"]
        await w.put(batch([(snmp, "if.oper_status", "ge1", START, 1.0)]), 1)
        for minute in range(4):
            await _poll(w, minute, ("edge1 snmp", 0.0), ("edge1-ge1 ping", 1.0))
        assert (await _spans(w, "element_span", "edge1-ge1"))[-1][1] == "No Data", "its device does not say what the port does"


async def test_an_agent_that_only_enrolled_takes_nothing_from_one_that_runs(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        assert (await w.enrol(await w.token(), "cd" * 32, "spare")).status_code == 200
        for _ in range(4):
            w.now += 60 * SECOND
            await w.client.post("/agent/v1/heartbeat", json={"version": "1", "plan": ""}, headers=bearer(SECRET))
        plans = [
            (await w.client.get("/agent/v1/plan", headers=bearer(secret))).json()["targets"] for secret in (SECRET, "cd" * 32)
        ]
        assert len(plans[0]) == 1, "the agent that is heard goes on"


async def test_two_snmp_sensors_on_one_element_are_refused(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        twice = _with(one={"kind": "snmp", "community": "a"}, two={"kind": "snmp", "name": "again", "community": "b"})
        answer = await w.client.put("/api/v1/inventory", json=twice, headers=bearer(w.key))
        assert answer.status_code == 422
        assert "two snmp sensors" in answer.json()["detail"]
