"""Indicators against what was sold, as the status job decides them batch by batch."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from storage import dirty, late
from storage.database import as_tenant
from storage.times import to_datetime, to_us
from tests.fakes.world import INVENTORY, SECOND, SECRET, START, World, batch, bearer, world

pytestmark = pytest.mark.every_database
MINUTE = 60 * SECOND


def sold(**limits: object) -> dict[str, Any]:
    """The inventory with limits on its product; the service is carried by the router alone."""
    inventory = copy.deepcopy(INVENTORY)
    inventory["products"][0] |= limits
    inventory["services"][0]["elements"] = [{"element": "edge1"}]
    return inventory


async def polls(w: World, first: int, *rtts: float, loss: float = 0.0) -> None:
    """A minute each: edge1 answers, so fast; decided after each."""
    sensors = await w.sensors()
    for minute, rtt in enumerate(rtts, first):
        w.now = START + minute * MINUTE
        await w.client.post("/agent/v1/heartbeat", json={"version": "1", "plan": ""}, headers=bearer(SECRET))
        ping, snmp = sensors["edge1 ping"], sensors["edge1 snmp"]
        rows = [(ping, "reachable", "", w.now, 1.0), (snmp, "reachable", "", w.now, 1.0), (snmp, "rtt", "", w.now, 0.9)]
        rows += [(ping, "rtt", "", w.now, rtt), (ping, "loss", "", w.now, loss)]
        assert (await w.put(batch(rows), 100 + minute)).json()["result"] == "stored"
        await w.decide()


async def spans(w: World) -> list[tuple[int, str]]:
    """(minute, status) where the status changed."""
    rows = await w.con.fetch("select starts_at, raw, shown from service_span order by starts_at")
    assert all(row["raw"] == row["shown"] for row in rows)
    found: list[tuple[int, str]] = []
    for row in rows:
        if not found or found[-1][1] != row["shown"]:
            found.append((round((to_us(row["starts_at"]) - START) / MINUTE), row["shown"]))
    return [each for each in found if each[1] != "No Data"]


async def test_a_slow_service_has_issues_from_the_first_slow_sample_and_says_what_was_promised(
    database: str, tmp_path: Path
) -> None:
    async with world(database, tmp_path) as w:
        await w.apply(sold(response_time_ms=100))
        await polls(w, 0, 0.05, 0.05, 0.05, 0.2)
        assert (await w.status())["shown"] == "Up", "one sample is none"
        await polls(w, 4, 0.2)
        row = await w.status()
        assert (row["shown"], row["reason"], to_us(row["since"])) == ("Has Issues", "response_time_limit", START + 3 * MINUTE)
        (cause,) = row["cause"]
        (shown,) = cause["evidence"]
        assert (shown["metric"], shown["value"], shown["limit"], shown["sensor_name"]) == ("rtt", 0.2, 0.1, "ping")
        # between 90 % of the limit and the limit nothing changes, for longer than a decision looks back
        await polls(w, 5, *[0.095] * 30)
        assert (await w.status())["shown"] == "Has Issues"
        await polls(w, 35, 0.09, 0.05)
        assert await spans(w) == [(0, "Up"), (3, "Has Issues"), (35, "Up")]


async def test_a_hard_limit_is_down(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await w.apply(sold(loss_percent=1, hard_limit=True))
        await polls(w, 0, 0.05, 0.05)
        await polls(w, 2, 0.05, 0.05, loss=2.0)
        await polls(w, 4, 0.05, 0.05)
        assert await spans(w) == [(0, "Up"), (2, "Down"), (4, "Up")]


async def test_without_a_promise_nothing_is_beyond_it(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await w.apply(sold())
        await polls(w, 0, 0.5, 0.5, 0.5, loss=3.0)
        assert await spans(w) == [(0, "Up")]
        assert "limit" not in str((await w.status())["cause"])


async def test_late_samples_are_judged_as_if_they_had_come_in_time(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await w.apply(sold(response_time_ms=100))
        await polls(w, 0, 0.05, 0.05)
        ping = (await w.sensors())["edge1 ping"]
        await polls(w, 4, 0.05, 0.05)
        at = [START + minute * MINUTE for minute in (2, 3)]
        rows = [row for ts in at for row in ((ping, "reachable", "", ts, 1.0), (ping, "rtt", "", ts, 0.3))]
        assert (await w.put(batch(rows), 500)).json()["result"] == "stored"
        await w.decide()
        assert await spans(w) == [(0, "Up"), (2, "Has Issues"), (4, "Up")]


async def test_what_was_decided_stands_when_its_samples_are_gone(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await w.apply(sold(response_time_ms=100))
        await polls(w, 0, 0.05, 0.05, 0.2, 0.2, 0.2, 0.05, 0.05)
        before = await spans(w)
        assert before == [(0, "Up"), (2, "Has Issues"), (5, "Up")]
        w.now = START + 3 * 24 * 60 * MINUTE
        async with as_tenant(w.app.state.pool, w.tenant) as con:
            await late.progress(con, w.tenant, late.day_of(to_datetime(w.now).date()))
        await w.con.execute("delete from sample")
        await w.con.execute("update history_progress set raw_from = $1", to_datetime(w.now).date())
        service = await w.con.fetchval("select id from service")
        async with as_tenant(w.app.state.pool, w.tenant) as con:
            await dirty.mark_services(con, w.tenant, [service], [START + 1])
        await w.decide()
        assert (await spans(w))[:3] == before
