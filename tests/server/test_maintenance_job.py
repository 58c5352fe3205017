"""Maintenance and accounts through the status job: edges acted on when due, history decided anew, accounts after their services."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import account_spans, maintenance
from storage.database import as_tenant
from storage.maintenance import Change
from storage.times import to_us
from tests.fakes.world import INVENTORY, SECOND, START, World, batch, world

MINUTE = 60 * SECOND
pytestmark = pytest.mark.every_database


async def _polls(w: World, first: int, answers: str) -> None:
    """A poll a minute of both of edge1's sensors: u = up, d = down."""
    sensors = await w.sensors()
    for minute, answer in enumerate(answers, first):
        at, value = START + minute * MINUTE, float(answer == "u")
        rows = [(sensors[f"edge1 {kind}"], "reachable", "", at, value) for kind in ("ping", "snmp")]
        if value:
            rows.append((sensors["edge1 snmp"], "if.oper_status", "ge1", at, 1.0))
        w.now = at
        await w.put(batch(rows, reason=0 if value else 1), seq=minute + 1)
        await w.decide()


async def _save(w: World, first: int, last: int, reason: str = "") -> None:
    change = Change("swap", "Swap", START + first * MINUTE, START + last * MINUTE, "UTC", ["SP-1"], reason=reason)
    async with as_tenant(w.app.state.pool, w.tenant) as con:
        await maintenance.save(con, w.tenant, "api", change, w.now)


async def _history(w: World, what: str = "service") -> list[tuple[int, str, list[str]]]:
    """(minute, shown, flags) of each stretch from the first thing measured on."""
    rows = await w.con.fetch(f"select starts_at, shown, flags from {what}_span order by starts_at")
    found: list[tuple[int, str, list[str]]] = []
    for row in rows:
        flags = [flag for flag in row["flags"] if flag == "maintenance"]
        if row["shown"] != "No Data" and (not found or found[-1][1:] != (row["shown"], flags)):
            found.append(((to_us(row["starts_at"]) - START) // MINUTE, row["shown"], flags))
    return found


async def test_a_window_is_set_and_cleared_when_due_without_any_news(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _polls(w, 0, "uu")
        await _save(w, 2, 3)
        await w.decide()
        assert await w.con.fetchval("select count(*) from service_due") == 1
        w.now = START + 2 * MINUTE
        await w.decide()
        assert (await w.status())["flags"] == ["maintenance"]
        assert await w.con.fetchval("select flags from account_span where ends_at is null") == ["maintenance"]
        w.now = START + 3 * MINUTE
        await w.decide()
        assert (await w.status())["flags"] == []
        assert await w.con.fetchval("select count(*) from service_due") == 0
        assert await _history(w) == [(0, "Up", []), (2, "Up", ["maintenance"]), (3, "Up", [])]
        assert await _history(w, "account") == [(0, "Up", []), (2, "Up", ["maintenance"]), (3, "Up", [])]


async def test_a_window_saved_afterwards_marks_history_from_its_begin(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _polls(w, 0, "uuudddduuu")
        assert await _history(w) == [(0, "Up", []), (3, "Down", []), (7, "Up", [])]
        await _save(w, 4, 8, reason="ticket 4711")
        await w.decide()
        assert await _history(w) == [
            (0, "Up", []),
            (3, "Down", []),
            (4, "Down", ["maintenance"]),
            (7, "Up", ["maintenance"]),
            (8, "Up", []),
        ]


async def test_an_account_follows_its_services_and_late_data_changes_both(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _polls(w, 0, "uu")
        await _polls(w, 5, "uu")
        assert await _history(w, "account") == [(0, "Up", [])]
        sensors = await w.sensors()
        late = [
            (sensors[f"edge1 {kind}"], "reachable", "", START + minute * MINUTE, 0.0)
            for minute in (2, 3, 4)
            for kind in ("ping", "snmp")
        ]
        await w.put(batch(late, reason=1), seq=90)
        await w.decide()
        assert await _history(w) == [(0, "Up", []), (2, "Down", []), (5, "Up", [])]
        assert await _history(w, "account") == [(0, "Up", []), (2, "Down", []), (5, "Up", [])]
        async with as_tenant(w.app.state.pool, w.tenant) as con:
            account = await con.fetchval("select id from account")
            (service,) = (await account_spans.services_now(con, w.tenant, [account]))[account]
        assert (service.status, service.currency) == ("Up", "EUR")


async def test_deciding_again_changes_nothing(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _polls(w, 0, "uuuddddu")
        before = [dict(row) for row in await w.con.fetch("select * from account_span order by starts_at")]
        await w.con.execute(
            """insert into status_dirty (tenant_id, what, ids, from_ts)
               select tenant_id, 'service', array[id], array[to_timestamp(0)] from service"""
        )
        await w.decide()
        assert [dict(row) for row in await w.con.fetch("select * from account_span order by starts_at")] == before


async def test_an_account_counts_the_services_that_it_has_now(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _polls(w, 0, "uuudddd")
        assert await _history(w, "account") == [(0, "Up", []), (3, "Down", [])]
        await w.con.execute(
            "insert into account (tenant_id, external_id, owner, name) select id, 'new', 'yaml', 'New' from tenant"
        )
        await w.con.execute("update service set account_id = (select id from account where external_id = 'new')")
        await w.decide()
        rows = await w.con.fetch(
            "select a.external_id, x.shown from account_span x join account a on a.id = x.account_id order by x.starts_at"
        )
        assert {row["external_id"] for row in rows} == {"new"}
        assert [row["shown"] for row in rows][-2:] == ["Up", "Down"]
        await w.con.execute("delete from service")
        await w.decide()
        assert await w.con.fetchval("select count(*) from account_span") == 0


async def test_the_switch_of_the_tenant_decides_its_accounts_anew(database: str, tmp_path: Path) -> None:
    two = dict(INVENTORY)
    two["elements"] = [*INVENTORY["elements"], {"id": "edge2", "name": "edge2", "site": "hq", "address": "192.0.2.2"}]
    two["elements"][2]["sensors"] = [{"kind": "ping"}]
    two["services"] = [
        *INVENTORY["services"],
        dict(INVENTORY["services"][0], id="SP-2", name="SP-2", elements=[{"element": "edge2"}]),
    ]
    async with world(database, tmp_path, two) as w:
        await _polls(w, 0, "uuudddd")
        sensors = await w.sensors()
        await w.put(batch([(sensors["edge2 ping"], "reachable", "", START + m * MINUTE, 1.0) for m in range(7)]), seq=91)
        await w.decide()
        assert await _history(w, "account") == [(0, "Up", []), (3, "Has Issues", [])]
        await w.con.execute("update tenant set any_down = true")
        await w.decide()
        assert await _history(w, "account") == [(0, "Up", []), (3, "Down", [])]
