"""Availability from stored timelines: the arrays are what the rows say, and an account's figures follow from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from analytics.availability import STATUSES
from analytics.availability_arrays import FOREVER
from storage import availability
from storage.database import Connection, as_tenant, connect, connect_owner
from storage.times import to_datetime
from tests.fakes import seed

HOUR = 3_600_000_000
NOW = int(datetime(2026, 5, 15, 12, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 24 * HOUR


@pytest.fixture
async def con(database: str) -> AsyncIterator[Connection]:
    """Account 1 of the seed's world with two more services: BULK-1 was Down for half a day, BULK-3 began two days ago."""
    await seed.tenants(database)
    owner = await connect_owner(database)
    await owner.execute(
        """insert into account (tenant_id, external_id, owner, name, timezone) values (1, 'acme', 'yaml', 'Acme', 'America/New_York');
           insert into product (tenant_id, external_id, owner, name, maintenance_policy, sla_percent)
           values (1, 'line', 'yaml', 'Line', 'exclude', 99.5), (1, 'cloud', 'yaml', 'Cloud', 'honor_up', null);
           insert into service (tenant_id, external_id, owner, name, account_id, product_id, fulfilment_status, mrr)
           values (1, 'SP-1', 'yaml', 'One', 1, 1, 'In Service', 30), (1, 'SP-2', 'yaml', 'Two', 1, 2, 'In Service', 10)"""
    )
    rows = [
        (1, NOW - 900 * DAY, NOW - 800 * DAY, "Down", []),
        (1, NOW - 800 * DAY, NOW - 36 * HOUR, "Up", []),
        (1, NOW - 36 * HOUR, NOW - 24 * HOUR, "Down", []),
        (1, NOW - 24 * HOUR, NOW - 12 * HOUR, "Has Issues", ["flapping", "maintenance"]),
        (1, NOW - 12 * HOUR, None, "Up", []),
        (2, NOW - 48 * HOUR, NOW - 6 * HOUR, "Up", []),
        (2, NOW - 6 * HOUR, None, "Down", ["maintenance"]),
    ]
    for service, start, end, status, flags in rows:
        await owner.execute(
            """insert into service_span (tenant_id, service_id, starts_at, ends_at, raw, shown, flags, since)
               values (1, $1, $2, $3, $4, 'Has Issues', $5, $2)""",
            service,
            to_datetime(start),
            None if end is None else to_datetime(end),
            status,
            flags,
        )
    await owner.close()
    pool = await connect(database, "lineside_app", 2)
    async with as_tenant(pool, seed.TENANT) as found:
        yield found
    await pool.close()


async def test_the_arrays_are_the_rows(con: Connection) -> None:
    for read in (availability.spans_of, availability.all_spans):
        spans = await read(con, 1, [1, 2, 77], NOW - 100 * DAY)
        assert spans.service.tolist() == [0, 0, 0, 0, 1, 1]
        assert spans.start[0] == NOW - 800 * DAY
        assert spans.end.tolist()[3:] == [FOREVER, NOW - 6 * HOUR, FOREVER]
        assert [STATUSES[each] for each in spans.status] == ["Up", "Down", "Has Issues", "Up", "Up", "Down"]
        assert spans.maintenance.tolist() == [False, False, True, False, False, True]
        assert len((await read(con, 1, [], NOW)).start) == 0
        assert (await read(con, 1, [2], NOW)).service.tolist() == [0]


async def test_another_tenant_sees_nothing(con: Connection, database: str) -> None:
    pool = await connect(database, "lineside_app", 1)
    async with as_tenant(pool, seed.OTHER_TENANT) as other:
        assert len((await availability.all_spans(other, 1, [1, 2], NOW)).start) == 0
    await pool.close()


async def test_an_accounts_figures(con: Connection) -> None:
    found = await availability.account_summary(con, 1, 1, NOW)
    assert [each.name for each in found.periods][:2] == ["Last 24 Hours", "Last 7 Days"]
    day, week = found.services[0][:2]
    assert (day.seconds.up, day.seconds.maintenance, day.percent) == (12 * HOUR, 12 * HOUR, "100.000")
    assert day.verdict == "met"
    midnight = 8  # hours from New York's midnight to now
    assert sum(week.seconds) == 6 * DAY + midnight * HOUR
    assert (week.seconds.down, week.verdict) == (12 * HOUR, "missed")
    other = found.services[1][1]
    assert other.partial_period
    assert (other.seconds.up, other.seconds.maintenance, other.seconds.down, other.verdict) == (42 * HOUR, 6 * HOUR, 0, None)
    total = found.account[1]
    assert total.figures.seconds.up == week.seconds.up + other.seconds.up
    assert total.weighted == {"EUR": "92.207"}  # (30 × 128 + 10 × 42) of (30 × 140 + 10 × 42)
    assert list(found.locations) == [None]
    assert found.locations[None] == found.account
    assert found.members[0].mrr == Decimal(30)


async def test_an_account_without_services_has_no_figures(con: Connection) -> None:
    found = await availability.account_summary(con, 1, 999, NOW)
    assert found.services == ()
    assert [total.figures.percent for total in found.account] == [None] * 10
