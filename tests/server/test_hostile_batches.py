"""What an agent sends never stops the statuses of others, nor stands before its own lane for ever."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from protocols.uplink.batch import Batch, Gaps, encode
from tests.fakes.world import INVENTORY, SECOND, SECRET, START, batch, bearer, world

MINUTE = 60 * SECOND
YEARS = 2**62


def _gaps(first: int, last: int, rows: int, reason: str) -> bytes:
    columns = (np.array([first], np.int64), np.array([last], np.int64), np.array([rows], np.uint64))
    return encode(Batch(gaps=Gaps(*columns, np.array([0], np.uint8), np.array([1], np.uint8), ["metrics", reason])))


@pytest.mark.parametrize("interval", [math.nan, math.inf, 1e30, -5.0, 0.0])
async def test_an_interval_that_cannot_be_true_is_refused_and_statuses_go_on(
    database: str, tmp_path: Path, interval: float
) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        answer = await w.put(batch([(ping, "reachable", "", START, 1.0)], interval))
        assert (answer.status_code, answer.json()["title"]) == (400, "Malformed: value")
        await w.put(batch([(ping, "reachable", "", START, 1.0)]), 2)
        await w.decide()
        assert await w.con.fetchval("select raw from element_span where ends_at is null and raw = 'Up'") == "Up"


@pytest.mark.parametrize(
    "body",
    [
        batch([(1, "if.in", "eth\x000", START, 1.0)]),
        batch([(1, "if\x00", "eth0", START, 1.0)]),
        _gaps(START, START, 2**63, "buffer_full"),
        _gaps(YEARS, YEARS, 1, "buffer_full"),
        _gaps(START, START, 1, "a\x00b"),
    ],
)
async def test_what_the_database_cannot_hold_is_never_to_be_sent_again(database: str, tmp_path: Path, body: bytes) -> None:
    async with world(database, tmp_path) as w:
        assert (await w.put(body)).status_code == 400


@pytest.mark.parametrize("ts", [2**63 - 1, -(2**63)])
async def test_an_instant_at_the_end_of_time_is_rejected_with_its_row(database: str, tmp_path: Path, ts: int) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        answer = await w.put(batch([(ping, "rtt", "", ts, 1.0)], 77.0))
        assert (answer.status_code, answer.json()["rows"]) == (200, 0)
        assert await w.con.fetchval("select count(*) from sensor_interval") == 0


async def test_a_message_with_the_character_nul_is_refused(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        for beat in ({"version": "1\x00", "plan": ""}, {"version": "1", "plan": "", "errors": {"a\x00": 1}}):
            answer = await w.client.post("/agent/v1/heartbeat", json=beat, headers=bearer(SECRET))
            assert (answer.status_code, answer.json()["title"]) == (400, "Malformed: message")
        assert (await w.enrol(await w.token(), "cd" * 32, "na\x00me")).status_code == 400


async def test_an_interval_stated_for_another_sites_sensor_keeps_nothing_from_going_stale(database: str, tmp_path: Path) -> None:
    branch = {"id": "far", "name": "far", "site": "branch", "address": "192.0.2.9", "sensors": [{"kind": "ping"}]}
    other = INVENTORY | {
        "sites": [*INVENTORY["sites"], {"id": "branch", "name": "Branch"}],
        "elements": [*INVENTORY["elements"], branch],
    }
    async with world(database, tmp_path, other) as w:
        far = (await w.sensors())["far ping"]
        assert (await w.enrol(await w.token("branch"), "cd" * 32, "branch box")).status_code == 200
        await w.put(batch([(far, "reachable", "", START, 1.0), (far, "reachable", "", START + 1, 1.0)]), 1, "cd" * 32)
        answer = await w.put(batch([(far, "reachable", "", START + 2, 1.0)], 86_400.0))
        assert answer.json()["rejected"] == {"unknown_sensor": 1}
        w.now = START + 10 * MINUTE
        await w.decide()
        rows = await w.con.fetch(
            "select raw from element_span p join element e on e.id = p.element_id where e.external_id = 'far' order by starts_at"
        )
        assert [row["raw"] for row in rows][-2:] == ["Up", "No Data"]


async def test_intervals_of_rows_that_were_rejected_are_not_noted(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        ping = (await w.sensors())["edge1 ping"]
        await w.put(batch([(ping, "rtt", "", START + 10 * 86_400 * SECOND, 1.0)], 300.0), 1)
        assert await w.con.fetchval("select count(*) from sensor_interval") == 0
        await w.put(batch([(ping, "rtt", "", START, 1.0)], 300.0), 2)
        assert await w.con.fetchval("select seconds from sensor_interval") == 300.0
