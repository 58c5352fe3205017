"""Accounting reports become sessions: whatever their order, however often they come."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from random import Random
from typing import Any

from server.jobs.count_sessions import count
from tests.fakes.world import INVENTORY, World, bearer, world
from tests.fakes.world import START as T0
from tests.server.accounting import INTERIM, ON, SECOND, START, STOP, packed, report

MINUTE = 60 * SECOND


def inventory() -> dict[str, Any]:
    wanted = copy.deepcopy(INVENTORY)
    wanted["elements"][0]["sensors"].append({"kind": "radius", "secret": "0123456789abcdef"})
    return wanted


async def stored(w: World) -> list[tuple[Any, ...]]:
    rows = await w.con.fetch(
        "select session, part, user_name, ap, ssid, extract(epoch from starts_at)::bigint, extract(epoch from last_at)::bigint, "
        "extract(epoch from ended_at)::bigint, ended_by, octets_in, octets_out, cause from radius_session order by 1, 2, starts_at"
    )
    return [tuple(row) for row in rows]


def story(sensor: int) -> list[Any]:
    """Two people, one of whom roams, a session id that is used again, and a NAS that restarts."""
    at = T0 - 120 * MINUTE
    here = {"user": "alice", "part": "c1", "ap": 0}
    del here["ap"]
    return [
        report(sensor, at, START, called="0a", ssid="Guest", **here),
        report(sensor, at + 5 * MINUTE, INTERIM, seconds=300, octets_in=5 << 32, called="0b", ssid="Guest", **here),
        report(sensor, at + 9 * MINUTE, STOP, seconds=540, octets_in=6 << 32, cause=1, **here),
        report(sensor, at + 20 * MINUTE, START, called="0a", **here),
        report(sensor, at + 25 * MINUTE, INTERIM, seconds=300, octets_in=7, **here),
        report(sensor, at, START, session="s2", part="c2", user="bob"),
        report(sensor, at + 10 * MINUTE, INTERIM, session="s2", part="c2", user="bob", seconds=600),
        report(sensor, at + 26 * MINUTE, ON, session=""),
        report(sensor, at + 30 * MINUTE, START, session="s2", part="c2", user="bob"),
    ]


async def test_sessions_are_the_same_in_any_order(database: str, tmp_path: Path) -> None:
    seen = []
    async with world(database, tmp_path, inventory()) as w:
        sensor = (await w.sensors())["edge1 radius"]
        for seed in range(6):
            reports = story(sensor)
            random = Random(seed)
            if seed:
                reports += random.choices(reports, k=4)
                random.shuffle(reports)
            cuts = [0, 3, 5, len(reports)] if seed else [0, len(reports)]
            for number, (a, b) in enumerate(itertools.pairwise(cuts)):
                answer = await w.put(packed(reports[a:b]), seed * 10 + number)
                assert answer.json()["result"] == "stored", answer.text
                assert answer.json()["rejected"] == {}
            seen.append(await stored(w))
            await w.con.execute("delete from radius_session; delete from radius_restart")
    begun = T0 // SECOND - 7200
    assert seen[0] == [
        ("s1", "c1", "alice", "0b", "Guest", begun, begun + 540, begun + 540, "stop", 6 << 32, 0, 1),
        ("s1", "c1", "alice", "0a", "", begun + 1200, begun + 1500, begun + 1560, "restart", 7, 0, 0),
        ("s2", "c2", "bob", "", "", begun, begun + 600, begun + 1560, "restart", 0, 0, 0),
        ("s2", "c2", "bob", "", "", begun + 1800, begun + 1800, None, None, 0, 0, 0),
    ]
    assert all(each == seen[0] for each in seen)


async def test_the_plan_has_one_key_for_hashes(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, inventory()) as w:
        headers = {"Authorization": "Bearer " + "ab" * 32}
        first = (await w.client.get("/agent/v1/plan", headers=headers)).json()
        again = (await w.client.get("/agent/v1/plan", headers=headers)).json()
        assert len(first["hash_key"]) == 64
        assert first == again
        assert (
            await w.con.fetchval("select count(*) from secret where sealed::text like '%' || $1 || '%'", first["hash_key"]) == 0
        )


async def test_sessions_and_users_are_counted_every_five_minutes_and_again_when_reports_come_late(
    database: str, tmp_path: Path
) -> None:
    async with world(database, tmp_path, inventory()) as w:
        sensor = (await w.sensors())["edge1 radius"]
        at = T0 // (5 * MINUTE) * 5 * MINUTE - 10 * MINUTE
        here = {"ssid": "Guest", "called": "0a"}
        first = [report(sensor, at, START, session=f"s{n}", part=f"p{n}", user=f"u{n % 2}", **here) for n in range(3)]
        first.append(report(sensor, at + 10 * MINUTE, INTERIM, session="s0", part="p0", seconds=600))
        await w.put(packed(first), 1)
        await count(w.app.state.pool, w.now)
        assert await counted(w, "wifi.sessions", "ssid:Guest", 3) == [3, 3]
        assert await counted(w, "wifi.users", "ap:0a", 3) == [2, 2]
        stop = report(sensor, at + 5 * MINUTE, STOP, session="s1", part="p1", seconds=300)
        await w.put(packed([stop]), 2)
        await count(w.app.state.pool, w.now)
        assert await counted(w, "wifi.sessions", "", 3) == [3, 2]
        w.now += 30 * MINUTE
        await count(w.app.state.pool, w.now)
        assert await w.con.fetchval("select count(*) from radius_session where ended_by = 'stale'") == 2
        assert (await counted(w, "wifi.sessions", "", 9))[:4] == [2, 1, 0, 0]


async def counted(w: World, metric: str, instance: str, most: int) -> list[float]:
    rows = await w.con.fetch(
        "select d.value from sample d join series s on s.id = d.series_id where s.metric = $1 and s.instance = $2 order by d.ts limit $3",
        metric,
        instance,
        most,
    )
    return [row["value"] for row in rows]


async def test_the_page_and_the_api_tell_what_is_open_without_names(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, inventory()) as w:
        assert (await w.client.get(f"/sign-in?token={w.link}", follow_redirects=True)).status_code == 200
        assert "No session was reported yet" in (await w.client.get("/sessions")).text
        sensor = (await w.sensors())["edge1 radius"]
        here = {"ssid": "Guest <b>", "called": "0a"}
        reports = [report(sensor, T0 - MINUTE, session=f"s{n}", part=f"p{n}", user="alice", **here) for n in range(3)]
        await w.put(packed(reports), 1)
        page = (await w.client.get("/sessions")).text
        assert "3 open sessions of 1 user." in page
        assert "SSID Guest &lt;b&gt;" in page
        assert "alice" not in page
        told = (await w.client.get("/crm/v1/sessions", headers=bearer(w.key))).json()
        assert (told["sessions"], told["users"], len(told["places"])) == (3, 1, 3)
        assert told["places"][0] == {"element": "edge1", "ssid": None, "access_point": None, "sessions": 3, "users": 1}
