"""Packed history on each kind of database: what is stored is what the samples say, whenever they came."""

import numpy as np
import pytest

from analytics import buckets
from storage import copies, history, late, matrices
from tests.fakes.measured import VOLUMES, Measured, Row, measured

DAY_US = buckets.DAY_US
DAY = 20_000  # 2024-10-04
START = DAY * DAY_US
SECOND = 1_000_000
MINUTE = 60 * SECOND
CLOSED = START + DAY_US + 20 * MINUTE  # the day is over and its grace too


def polls(series: int, first: int = START + 61 * SECOND, count: int = 1_438, every: int = 60, seconds: float = 60.0) -> list[Row]:
    random = np.random.default_rng(series)
    values = random.lognormal(15, 1, count).astype(np.float32)
    jitter = random.integers(-400_000, 400_000, count)
    return [
        (series, int(first + n * every * SECOND + jitter[n]), float(value), seconds) for n, value in enumerate(values.tolist())
    ]


def expected(rows: list[Row], series: int, day: int = DAY) -> buckets.Packed:
    """The buckets of one series by the packer alone, whose own test is tests/analytics/test_buckets.py."""
    mine = [row[1:] for row in rows if row[0] == series]
    ts, value, seconds = (np.array(c) for c in zip(*mine, strict=True))
    row = np.zeros(len(ts), np.int64)
    return buckets.pack(row, ts.astype(np.int64), value.astype(np.float64), seconds.astype(np.float32), day * DAY_US, 1)


async def stored(m: Measured, day: int = DAY) -> buckets.Packed:
    async with m.reading() as con:
        return await history.packed_day(con, m.tenant, day, np.array(m.series))


def same(one: buckets.Packed, other: buckets.Packed) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


async def test_a_day_that_closed_is_packed_and_equals_what_its_samples_say(database):
    async with measured(database, 3) as m:
        rows = polls(0) + polls(1, count=288, every=300, seconds=0.0)
        await m.store(rows, START + DAY_US - 1)
        await m.pack(CLOSED)
        packed = await stored(m)
        for series in (0, 1):
            assert same(packed.rows([series]), expected(rows, series))
        assert packed.measured().tolist() == [True, True, False]
        assert await m.owner.fetchval("select count(*) from history_5m") == 2


async def test_a_day_stays_open_until_a_quarter_of_an_hour_after_it_ended(database):
    async with measured(database) as m:
        await m.store(polls(0), START + DAY_US - 1)
        await m.pack(START + DAY_US + 14 * MINUTE)
        assert await m.owner.fetchval("select count(*) from history_5m") == 0
        await m.pack(START + DAY_US + 15 * MINUTE)
        assert await m.owner.fetchval("select count(*) from history_5m") == 1


async def test_what_comes_late_changes_its_day_and_no_other_series(database):
    async with measured(database) as m:
        early, late_rows = polls(0)[:700] + polls(1), polls(0)[700:]
        await m.store(early, START + DAY_US - 1)
        await m.pack(CLOSED)
        untouched = await m.owner.fetchval("select xmin from history_5m where series_id = $1", m.series[1])
        await m.store(late_rows, CLOSED)
        await m.pack(CLOSED + MINUTE)
        packed = await stored(m)
        for series in (0, 1):
            assert same(packed.rows([series]), expected(early + late_rows, series))
        assert await m.owner.fetchval("select xmin from history_5m where series_id = $1", m.series[1]) == untouched
        assert await m.owner.fetchval("select count(*) from history_dirty") == 0


async def test_a_late_sample_after_midnight_also_changes_the_day_before(database):
    async with measured(database) as m:
        rows = [(0, START + 12 * 3_600 * SECOND, 5.0, 60.0)]
        await m.store(rows, START + DAY_US - 1)
        await m.pack(CLOSED)
        over = [(0, START + DAY_US + 1_800 * SECOND, 9.0, 3_600.0)]
        await m.store(over, CLOSED + 20 * MINUTE)
        await m.pack(CLOSED + 21 * MINUTE)
        assert same((await stored(m)).rows([0]), expected(rows + over, 0))


async def test_hours_and_days_follow_from_five_minutes_also_when_late(database):
    async with measured(database) as m:
        rows = polls(0)
        for part, now in ((rows[:300], START + DAY_US - 1), (rows[300:], CLOSED)):
            await m.store(part, now)
            await m.pack(CLOSED + MINUTE)
        packed = expected(rows, 0)
        hours, day = buckets.roll_up(packed, 12), buckets.roll_up(packed, 288)
        async with m.reading() as con:
            for step, rolled in (("1h", hours), ("1d", day)):
                columns = ("mean", "max", "min", "sum", "seconds")
                got = (await matrices.load(con, m.tenant, m.series[:1], START, START + DAY_US, step, columns)).values
                for name in ("mean", "max", "min", "seconds"):
                    assert np.array_equal(got[name], getattr(rolled, name).astype(np.float32), equal_nan=True)
                assert got["sum"] == pytest.approx(rolled.amount / 8, rel=1e-6)
            row = await con.fetchrow("select * from history_1d_rows where series_id = $1", m.series[0])
        assert row["sum"] == pytest.approx(sum(v * s for _, _, v, s in rows) / 8, rel=1e-3)  # all but what lies before midnight
        assert row["p95"] == np.float32(day.p95[0, 0])


async def test_gauges_have_no_sum(database):
    async with measured(database) as m:
        await m.store(polls(1), START + DAY_US - 1)
        await m.pack(CLOSED)
        async with m.reading() as con:
            assert await con.fetchval("select count(*) from history_1d_rows where sum is null") == 1
            assert await con.fetchval("select count(*) from history_1h_rows where sum is not null") == 0


async def test_the_view_gives_what_the_matrix_gives(database):
    async with measured(database) as m:
        await m.store(polls(0)[:1000] + polls(1)[200:], START + DAY_US - 1)
        await m.pack(CLOSED)
        async with m.reading() as con:
            matrix = await matrices.load(con, m.tenant, m.series, START, START + DAY_US)
            rows = await con.fetch("select * from history_5m_rows where day = $1 order by series_id, ts", history.date_of(DAY))
        assert {(row["tenant_id"], row["element_id"]) for row in rows} == {(m.tenant, element) for element in m.elements}
        view = {(row["series_id"], int(row["ts"].timestamp() * SECOND)): row for row in rows}
        for i, series in enumerate(m.series):
            for j, ts in enumerate(matrix.times().tolist()):
                row = view.pop((series, ts), None)
                got = [matrix.values[name][i, j] for name in ("mean", "max", "seconds")]
                if row is None:
                    assert np.isnan(got[:2]).all()
                    assert got[2] == 0
                else:
                    assert [row["mean"], row["max"], row["seconds"]] == got
        assert not view


async def test_the_view_shows_a_tenant_its_own_rows_only(database):
    async with measured(database) as m:
        await m.store(polls(0, count=10), START + DAY_US - 1)
        await m.pack(CLOSED)
        other = await m.owner.fetchval("insert into tenant (external_id, name) values ('o', 'Other') returning id")
        async with m.reading() as con:
            assert await con.fetchval("select count(*) from history_5m_rows") > 0
            await con.execute("select set_config('lineside.tenant', $1, true)", str(other))
            assert await con.fetchval("select count(*) from history_5m_rows") == 0
            with pytest.raises(ValueError, match="another tenant"):
                await matrices.load(con, other, m.series, START, START + DAY_US)


async def test_a_matrix_joins_packed_days_and_the_open_one_in_the_order_asked_for(database):
    async with measured(database, 3) as m:
        rows = polls(0, count=2_000) + polls(2, count=2_000)
        await m.store(rows, START + DAY_US - 1)
        await m.pack(CLOSED)
        asked = [m.series[2], m.series[0], m.series[1], m.series[0]]
        begin, end = START + 3 * 3_600 * SECOND + 7, START + DAY_US + 9 * 3_600 * SECOND + 1
        async with m.reading() as con:
            matrix = await matrices.load(con, m.tenant, asked, begin, end)
            hours = await matrices.load(con, m.tenant, asked, begin, end, "1h", ["mean", "sum"], VOLUMES)
            whole = await matrices.load(con, m.tenant, asked, START, START + 2 * DAY_US, "1d", ["p95", "seconds"])
        assert matrix.start == START + 3 * 3_600 * SECOND
        assert matrix.values["mean"].shape == (4, 30 * 12 + 1)
        for i, series in ((0, 2), (1, 0), (3, 0)):
            both = [expected(rows, series, day) for day in (DAY, DAY + 1)]
            assert np.array_equal(
                matrix.values["mean"][i], np.concatenate([b.mean[0] for b in both])[36 : 36 + 361], equal_nan=True
            )
            rolled = np.concatenate([buckets.roll_up(b, 12).mean[0] for b in both])[3:34].astype(np.float32)
            assert np.array_equal(hours.values["mean"][i], rolled, equal_nan=True)
            assert whole.values["seconds"][i].tolist() == [b.seconds.sum() for b in both]
        assert np.isnan(matrix.values["max"][2]).all()
        assert hours.values["sum"][1, -2] == pytest.approx(
            hours.values["mean"][1, -2] * 3_600 / 8, rel=1e-2
        )  # all but a few seconds are covered


async def test_a_matrix_of_days_that_nothing_is_known_of_is_all_gaps(database):
    async with measured(database) as m, m.reading() as con:
        matrix = await matrices.load(con, m.tenant, m.series, START, START + 3 * DAY_US, "1d", ["mean", "seconds"])
        assert np.isnan(matrix.values["mean"]).all()
        assert matrix.values["seconds"].tolist() == [[0, 0, 0]] * 2
        with pytest.raises(ValueError, match="has no p95"):
            await matrices.load(con, m.tenant, m.series, START, START + DAY_US, "5m", ["p95"])


async def test_binary_copy_brings_back_every_bit(database):
    async with measured(database) as m:
        random = np.random.default_rng(7)
        values = random.normal(size=(2, 288)).astype(np.float32)
        values[0, :5] = [np.nan, np.inf, -np.inf, -0.0, np.float32(1e-45)]
        seconds = random.integers(0, 301, (2, 288)).astype(np.int16)
        kind = copies.row(history.KEY | history.TABLES["history_5m"])
        rows = copies.fill(
            kind,
            {
                "series_id": np.array(m.series),
                "day": np.full(2, DAY - copies.DATE_EPOCH),
                "mean": values,
                "max": values[::-1],
                "seconds": seconds,
            },
        )
        async with m.reading() as con:
            await con.execute("select ensure_history_day($1)", history.date_of(DAY))
            await copies.write(con, "history_5m", rows, ["series_id", "day", "mean", "max", "seconds"])
            back = await copies.read(con, kind, "select * from history_5m order by series_id")
            plain = await con.fetchrow("select day, mean, seconds from history_5m order by series_id limit 1")
        assert back.tobytes() == rows.tobytes()
        assert plain["day"] == history.date_of(DAY)
        assert np.array_equal(np.array(plain["mean"], np.float32), values[0], equal_nan=True)
        assert plain["seconds"] == seconds[0].tolist()


async def test_a_crash_while_a_day_is_packed_does_it_again(database):
    async with measured(database) as m:
        rows = polls(0)
        await m.store(rows, START + DAY_US - 1)
        async with m.reading() as con:  # what a process did before it died
            await late.progress(con, m.tenant, DAY)
            await history.pack(con, m.tenant, DAY, await history.series_after(con, m.tenant, 0, 1, VOLUMES))
        await m.pack(CLOSED)
        assert same((await stored(m)).rows([0]), expected(rows, 0))


async def test_two_packers_leave_each_other_alone(database):
    async with measured(database) as m, late.alone(m.pool, m.tenant) as mine:
        assert mine
        await m.store(polls(0), START + DAY_US - 1)
        await m.pack(CLOSED)
        assert await m.owner.fetchval("select count(*) from history_5m") == 0
