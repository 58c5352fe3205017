"""What is let go of, on each kind of database: the right days, nothing that is not packed, and late rows of days long gone."""

import asyncio

import numpy as np
import pytest

from analytics import buckets
from server.jobs import pack_history
from server.jobs.retain import retain
from storage import history, late, retention
from storage.database import as_tenant
from storage.times import to_datetime
from tests.fakes.measured import Measured, measured

DAY_US = buckets.DAY_US
DAY = 20_000
SECOND = 1_000_000
HOUR = 3_600 * SECOND


def at(day: int, hour: float = 12.0) -> int:
    return day * DAY_US + int(hour * HOUR)


async def raw_days(m: Measured) -> list[int]:
    rows = await m.owner.fetch("select distinct (ts at time zone 'UTC')::date as day from sample order by day")
    return [late.day_of(row["day"]) for row in rows]


async def days_in(m: Measured, table: str) -> list[int]:
    return [late.day_of(row["day"]) for row in await m.owner.fetch(f"select distinct day from {table} order by day")]


async def live(m: Measured, first: int, days: int) -> int:
    """A sample at noon of each day, packed and retained when the next begins; returns today."""
    for day in range(first, first + days):
        await m.store([(0, at(day), float(day - first + 1), 600.0)], at(day))
        await m.pack(at(day, 24.5))
        await retain(m.pool, day + 1)
    return first + days


async def test_raw_days_go_after_a_fortnight_and_stay_packed(database):
    async with measured(database) as m:
        today = await live(m, DAY, 17)
        assert await raw_days(m) == list(range(today - 14, today))
        assert await days_in(m, "history_5m") == list(range(DAY, today))
        async with m.reading() as con:
            assert await late.raw_from_us(con, m.tenant) == (today - 14) * DAY_US


async def test_a_raw_day_that_is_not_packed_stays(database):
    async with measured(database) as m:
        await m.store([(0, at(DAY), 1.0, 60.0)], at(DAY))
        await retain(m.pool, DAY + 30)
        assert await raw_days(m) == [DAY]  # packing has not begun
        await m.pack(at(DAY))
        await retain(m.pool, DAY + 30)
        assert await raw_days(m) == [DAY]  # it has, but the day was open
        await m.pack(at(DAY + 1))
        await retain(m.pool, DAY + 30)
        assert await raw_days(m) == []


async def test_late_rows_of_a_dropped_day_are_added_to_what_is_packed_and_dropped_again(database):
    async with measured(database) as m:
        today = await live(m, DAY, 16)
        now = at(today)
        await m.store([(0, at(DAY, 12.05), 4.0, 180.0), (1, at(DAY, 9), 0.25, 0.0)], now)
        await m.pack(now)
        await retain(m.pool, today)
        assert await raw_days(m) == [DAY, *range(today - 14, today)]  # an hour for those who decide statuses
        await m.pack(now + 2 * HOUR)
        async with m.reading() as con:
            packed = await history.packed_day(con, m.tenant, DAY, np.array(m.series))
            rows = await con.fetch("select * from history_1d_rows where day = $1 order by series_id", history.date_of(DAY))
        noon = 12 * 12
        assert (packed.mean[0, noon - 2], packed.seconds[0, noon - 2]) == (1.0, 300)
        assert (packed.mean[0, noon], packed.max[0, noon], packed.seconds[0, noon]) == (4.0, 4.0, 180)
        assert (packed.mean[1, 9 * 12], packed.seconds[1].sum()) == (0.25, 300)
        assert [(row["mean"], row["seconds"]) for row in rows] == [(pytest.approx((600 + 4 * 180) / 780), 780), (0.25, 300)]
        assert await raw_days(m) == list(range(today - 14, today))
        await retain(m.pool, today)
        async with m.reading() as con:
            assert await con.fetchval("select min(day) from sample_days('2100-01-01')") == history.date_of(today - 14)


async def test_a_late_row_of_a_dropped_day_counts_once_for_both_days_it_covers(database):
    async with measured(database) as m:
        today = await live(m, DAY, 16)
        await m.store([(0, at(DAY + 1, 0.5), 3.0, 3_600.0)], at(today))
        for _ in range(2):
            await m.pack(at(today, 14))
        async with m.reading() as con:
            for day, hours in ((DAY, slice(282, 288)), (DAY + 1, slice(0, 6))):
                packed = await history.packed_day(con, m.tenant, day, np.array(m.series[:1]))
                assert packed.mean[0, hours].tolist() == [3.0] * 6
                assert packed.seconds.sum() == 600 + 1_800


async def test_a_mark_at_the_boundary_holds_it_back(database):
    async with measured(database) as m:
        today = await live(m, DAY, 15)
        before = today + 1 - 14
        await m.store([(0, at(before - 1, 18), 9.0, 60.0)], at(today))
        await retain(m.pool, today + 1)
        assert before - 1 in await raw_days(m)
        await m.pack(at(today, 12.1))
        await m.pack(at(today, 24.5))
        await retain(m.pool, today + 1)
        assert before - 1 not in await raw_days(m)
        async with m.reading() as con:
            packed = await history.packed_day(con, m.tenant, before - 1, np.array(m.series[:1]))
        assert packed.seconds.sum() == 660


async def test_a_batch_under_way_while_its_day_is_dropped_is_added_afterwards(database):
    async with measured(database) as m:
        today = await live(m, DAY, 14)
        async with m.ingest.acquire() as con, con.transaction():
            await con.execute("insert into sample values ($1, $2, 7, 60, 0)", m.series[0], to_datetime(at(DAY, 20)))
            await late.mark(con, m.tenant, {DAY: m.elements[:1]}, at(today))
            dropping = asyncio.create_task(retain(m.pool, today + 1))
            await asyncio.sleep(0.2)
            assert not dropping.done()  # it waits for this transaction
        await dropping
        assert DAY in await raw_days(m)
        await m.pack(at(today, 12.1))
        async with m.reading() as con:
            assert (await history.packed_day(con, m.tenant, DAY, np.array(m.series[:1]))).seconds.sum() == 660


async def pack_days(m: Measured, days: list[int]) -> None:
    """Rows of history as a server that ran for years has them."""
    async with m.reading() as con:
        await late.progress(con, m.tenant, days[-1])
    for day in days:
        await m.store([(0, at(day), 1.0, 600.0)], at(day))
        async with m.reading() as con:
            series = await history.series_after(con, m.tenant, 0, 10, {})
            await history.pack(con, m.tenant, day, series)
    await m.owner.execute("delete from history_dirty")
    await m.owner.execute("update history_progress set packed_to = $1", history.date_of(days[-1] + 1))


async def test_each_resolution_is_kept_as_long_as_it_says(database):
    async with measured(database) as m:
        ages = [1_200, 840, 799, 430, 399, 30, 1]
        today = DAY + 1_200
        await pack_days(m, [today - age for age in ages])
        await retain(m.pool, today)
        assert await days_in(m, "history_5m") == [today - age for age in ages if age < 400]
        assert await days_in(m, "history_1h") == [today - age for age in ages if age < 800]
        assert await days_in(m, "history_1d") == [today - age for age in ages]
        assert await raw_days(m) == [today - 1]


async def test_no_day_goes_before_its_time(database):
    async with measured(database) as m:
        days = list(range(DAY, DAY + 16))
        await pack_days(m, days)
        for today in range(DAY + 398, DAY + 420):
            await retain(m.pool, today)
            kept = await days_in(m, "history_5m")
            assert kept == days[len(days) - len(kept) :]
            assert not {day for day in days if today - day <= 400} - set(kept)
            assert not {day for day in kept if today - day >= 400 + 7}


async def test_tenants_may_keep_less_or_more(database):
    async with measured(database) as m:
        ages = [1_000, 500, 350, 40, 20, 3]
        today = DAY + 1_000
        await pack_days(m, [today - age for age in ages])
        other = await m.owner.fetchval("insert into tenant (external_id, name) values ('o', 'Other') returning id")
        await m.owner.execute("insert into history_progress values ($1, $2, '1970-01-01')", other, history.date_of(today))
        series = (other << 40) + 1
        for table in ("sample", "history_5m", "history_1h"):
            names = "value, seconds, reason" if table == "sample" else ", ".join(history.TABLES[table])
            key = "ts" if table == "sample" else "day"
            await m.owner.execute(
                f"insert into {table} (series_id, {key}, {names}) select $1::bigint, {key}, {names} from {table}", series
            )
        await m.owner.execute("insert into tenant_retention values ($1, 30, 600, 2000), ($2, 5, 100, null)", m.tenant, other)
        await retain(m.pool, today)

        async def kept(table: str, of: int) -> list[int]:
            column = "(ts at time zone 'UTC')::date" if table == "sample" else "day"
            found = await m.owner.fetch(f"select {column} as day from {table} where series_id = $1 order by 1", of)
            return [today - late.day_of(row["day"]) for row in found]

        assert await kept("sample", m.series[0]) == [20, 3]
        assert await kept("sample", series) == [3]
        assert await kept("history_5m", m.series[0]) == [500, 350, 40, 20, 3]
        assert await kept("history_5m", series) == [40, 20, 3]
        assert await kept("history_1h", m.series[0]) == ages
        assert await kept("history_1h", series) == [500, 350, 40, 20, 3]


async def test_a_late_row_survives_the_trimming_of_its_tenant(database):
    async with measured(database) as m:
        today = await live(m, DAY, 10)
        await m.owner.execute("insert into tenant_retention (tenant_id, raw_days) values ($1, 5)", m.tenant)
        other = await m.owner.fetchval("insert into tenant (external_id, name) values ('o', 'Other') returning id")
        await m.owner.execute("insert into history_progress values ($1, $2, $2)", other, history.date_of(DAY))
        await m.store([(0, at(DAY + 2, 20), 5.0, 60.0)], at(today))
        await retain(m.pool, today)
        assert await raw_days(m) == list(range(DAY + 2, today))
        await m.pack(at(today, 12.1))
        await retain(m.pool, today)
        assert await raw_days(m) == list(range(today - 5, today))
        await m.store([(0, at(DAY, 20), 5.0, 60.0)], at(today))
        await m.pack(at(today, 20))
        async with m.reading() as con:
            for day in (DAY, DAY + 2):
                assert (await history.packed_day(con, m.tenant, day, np.array(m.series[:1]))).seconds.sum() == 660


async def test_lives_of_agents_that_were_silent_for_90_days_are_forgotten(database):
    async with measured(database) as m:
        site = await m.owner.fetchval(
            "insert into site (tenant_id, external_id, name, owner) values ($1, 's', 'S', 'api') returning id", m.tenant
        )
        agent = await m.owner.fetchval(
            """insert into agent (tenant_id, external_id, site_id, name, enrolled_at) values ($1, 'a', $2, 'a', $3) returning id""",
            m.tenant,
            site,
            to_datetime(0),
        )
        for age in (91, 89):
            await m.owner.execute(
                "insert into ingest_claim values ($1, $2, 'metrics', $3, '{}', $4, 0)",
                m.tenant,
                agent,
                f"{age:016x}",
                to_datetime(at(DAY - age)),
            )
        await retain(m.pool, DAY)
        assert await m.owner.fetchval("select epoch from ingest_claim") == f"{89:016x}"


async def test_compression_is_asked_for_and_refused_in_peace(database):
    async with measured(database) as m:
        await m.store([(0, at(DAY), 1.0, 60.0)], at(DAY))
        async with m.pool.acquire() as con:
            assert await retention.compress(con, DAY + 5) is None


async def test_a_long_reader_is_waited_for_no_longer_than_three_seconds(database):
    async with measured(database) as m:
        today = await live(m, DAY, 14)
        async with as_tenant(m.pool, m.tenant) as con:
            await con.fetchval("select count(*) from sample")
            await retain(m.pool, today + 1)  # gives up after 3 s
        assert DAY in await raw_days(m)
        await m.pack(at(today, 24.5))
        await retain(m.pool, today + 1)
        assert DAY not in await raw_days(m)
        assert pack_history.GRACE_US < pack_history.SETTLE_US
