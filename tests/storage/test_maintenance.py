"""Maintenance windows in the database: versions, refusals, marks, and edges that are due."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from protocols.errors import Refused
from storage import dirty, maintenance
from storage.database import Connection, as_tenant, connect
from storage.maintenance import Change
from tests.fakes import seed

NOW = 1_790_000_000_000_000
HOUR = 3_600_000_000
SWAP = Change("swap", "Swap the router", NOW + HOUR, NOW + 2 * HOUR, "Europe/Warsaw", ["BULK-1", "BULK-2"])


@pytest.fixture
async def con(database: str) -> AsyncIterator[Connection]:
    await seed.world(database, NOW)
    await seed.many(database, 3)
    pool = await connect(database, "lineside_app", 2)
    async with as_tenant(pool, seed.TENANT) as found:
        yield found
    await pool.close()


async def ids(con: Connection) -> list[int]:
    return [row["id"] for row in await con.fetch("select id from service where external_id like 'BULK-%' order by external_id")]


async def test_a_saved_window_is_read_by_service_and_marks_its_services(con: Connection) -> None:
    one, two, three = await ids(con)
    assert await maintenance.save(con, seed.TENANT, "api", SWAP, NOW) == 1
    windows = await maintenance.windows_of(con, seed.TENANT, [one, two, three])
    assert sorted(windows) == [one, two]
    ((window,),) = windows[one]
    assert (window.start, window.end, window.recorded, window.canceled) == (NOW + HOUR, NOW + 2 * HOUR, NOW, False)
    _, marked = await dirty.claim(con, seed.TENANT)
    assert marked == {one: NOW, two: NOW}


async def test_the_next_version_leaves_out_what_it_does_not_name(con: Connection) -> None:
    one, two, three = await ids(con)
    await maintenance.save(con, seed.TENANT, "api", SWAP, NOW)
    await dirty.claim(con, seed.TENANT)
    assert await maintenance.save(con, seed.TENANT, "api", SWAP._replace(services=["BULK-1", "BULK-3"]), NOW + 5) == 2
    windows = await maintenance.windows_of(con, seed.TENANT, [one, two, three])
    assert {service: [each.canceled for each in versions[0]] for service, versions in windows.items()} == {
        one: [False, False],
        two: [False, True],
        three: [True, False],
    }
    _, marked = await dirty.claim(con, seed.TENANT)
    assert marked == dict.fromkeys((one, two, three), NOW + 5)


async def test_a_recurring_window_keeps_its_rule_and_zone(con: Connection) -> None:
    weekly = SWAP._replace(rrule="FREQ=WEEKLY", zone="America/New_York")
    await maintenance.save(con, seed.TENANT, "api", weekly, NOW)
    (one, *_) = await ids(con)
    ((window,),) = (await maintenance.windows_of(con, seed.TENANT, [one]))[one]
    assert (window.rrule, str(window.zone)) == ("FREQ=WEEKLY", "America/New_York")


async def test_back_dating_needs_a_reason_and_decides_from_its_begin(con: Connection) -> None:
    past = SWAP._replace(start=NOW - 2 * HOUR, end=NOW - HOUR)
    with pytest.raises(Refused) as refused:
        await maintenance.save(con, seed.TENANT, "api", past, NOW)
    assert refused.value.status == 409
    await maintenance.save(con, seed.TENANT, "api", past._replace(reason="ticket 4711"), NOW)
    _, marked = await dirty.claim(con, seed.TENANT)
    assert set(marked.values()) == {NOW - 2 * HOUR}
    (one, *_) = await ids(con)
    ((window,),) = (await maintenance.windows_of(con, seed.TENANT, [one]))[one]
    assert window.back_dated


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (SWAP._replace(end=NOW), "ends after it begins"),
        (SWAP._replace(zone="Mars/Base"), "no time zone"),
        (SWAP._replace(zone="../etc"), "no time zone"),
        (SWAP._replace(services=["nobody"]), "no service nobody"),
        (SWAP._replace(rrule="FREQ=SECONDLY"), "not recur more often"),
    ],
)
async def test_a_window_that_makes_no_sense_is_refused(con: Connection, wrong: Change, words: str) -> None:
    with pytest.raises(Refused, match=words):
        await maintenance.save(con, seed.TENANT, "api", wrong, NOW)


async def test_another_owner_may_not_change_it(con: Connection) -> None:
    await maintenance.save(con, seed.TENANT, "crm", SWAP, NOW)
    with pytest.raises(Refused, match="belongs to crm"):
        await maintenance.save(con, seed.TENANT, "api", SWAP, NOW + 1)


async def test_edges_are_due_in_order_and_make_work_for_their_tenant(con: Connection) -> None:
    one, two, three = await ids(con)
    await maintenance.set_due(con, seed.TENANT, {one: NOW + 2, two: NOW + 1, three: None})
    assert await maintenance.due(con, seed.TENANT, NOW) == {}
    assert list(await maintenance.due(con, seed.TENANT, NOW + 2)) == [two, one]
    assert await dirty.tenants_with_work(con, NOW) == []
    assert await dirty.tenants_with_work(con, NOW + 1) == [seed.TENANT]
    await maintenance.set_due(con, seed.TENANT, {one: None, two: NOW + 9, three: None})
    assert await maintenance.due(con, seed.TENANT, NOW + 9) == {two: NOW + 9}
