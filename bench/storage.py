"""Storage: bytes a sample, bytes a bucket, and how fast history is packed and read; plain PostgreSQL beside TimescaleDB.

Both are the same PostgreSQL build with the same settings (durable ones), one with the extension loaded, and take turns. The
samples are of polls every 60 s: half of the series are traffic, a quarter slow gauges, a quarter ports without any.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from analytics.buckets import BUCKETS, DAY_US, Packed
from bench import harness
from storage import batches, history, matrices
from storage.database import Connection, Pool, as_tenant, connect, connect_owner
from storage.migrate import migrate
from tests import clusters
from tests.peers import need

DAY = 20_000
DAYS = 30
POLL_US = 60_000_000
EACH = 20  # series read one after the other in a round
VIEW = "select ts, mean, max from history_5m_rows where series_id = $1 and day >= $2 and day < $3 order by ts"
HOURS = VIEW.replace("history_5m_rows", "history_1h_rows")
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "autovacuum": "off", "jit": "off"}
KINDS = {"plain": SETTINGS, "timescale": SETTINGS | clusters.TIMESCALE}


class Place(NamedTuple):
    """One of the two databases, with a tenant and its series."""

    owner: Connection
    pool: Pool
    tenant: int
    series: history.Series

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        async with as_tenant(self.pool, self.tenant) as con:
            yield con

    async def size(self, table: str) -> int:
        """Bytes on disk, with indexes and what is stored out of line."""
        timescale = "select hypertable_size($1::text::regclass)"
        plain = "select sum(pg_total_relation_size(relid)) from pg_partition_tree($1::text::regclass)"
        extended = await self.owner.fetchval("select exists (select from pg_extension where extname = 'timescaledb')")
        return int(await self.owner.fetchval(timescale if extended else plain, table))


async def prepare(dsn: str, count: int) -> Place:
    """A migrated database with `count` series of one tenant."""
    owner = await connect_owner(dsn)
    await migrate(owner)
    tenant = await owner.fetchval("insert into tenant (external_id, name) values ('bench', 'Bench') returning id")
    await owner.execute(
        """with e as (insert into element (tenant_id, external_id, owner, name) values ($1, 'e', 'api', 'e') returning id),
             s as (insert into sensor (tenant_id, element_id, name, kind, role)
                   select $1, id, 'snmp', 'snmp', 'reachability' from e returning id)
           insert into series (tenant_id, id, element_id, sensor_id, metric, instance)
           select $1, $1::bigint << 40 | nextval('series_serial'), e.id, s.id, 'if.in', n::text
           from e, s, generate_series(1, $2::integer) n""",
        tenant,
        count,
    )
    pool = await connect(dsn, "lineside_app", 2)
    async with as_tenant(pool, tenant) as con:
        series = await history.series_after(con, tenant, 0, count, {"if.in": 1 / 8})
        # the day of samples is not closed: what is read of it comes from raw rows
        values = tenant, history.date_of(DAY)
        await con.execute("insert into history_progress (tenant_id, packed_to, raw_from) values ($1, $2, $2)", *values)
    return Place(owner, pool, tenant, series)


def values(count: int, length: int, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What is measured, shape [count, length]: traffic, slow gauges, ports without traffic."""
    random = np.random.default_rng(seed)
    daily = 1 + 0.5 * np.sin(np.arange(length) / length * 2 * np.pi)
    made = random.gamma(2, 1e7, (count, 1)) * daily * random.lognormal(0, 0.2, (count, length))
    made[1::4] = np.round(random.uniform(10, 90, (len(made[1::4]), 1)) + random.normal(0, 0.1, (1, length)).cumsum(), 1)
    made[3::4] = 0
    return made.astype(np.float32)


async def load_raw(place: Place, polls: int) -> None:
    """The samples of a day, poll by poll, as ingest stores them."""
    made = values(len(place.series.ids), polls, 1).astype(np.float64)
    await batches.ensure_days(place.owner, [DAY])
    at_once = max(1, 20_000 // len(made))
    for first in range(0, polls, at_once):
        part = made[:, first : first + at_once].T
        ts = DAY * DAY_US + (first + np.arange(len(part), dtype=np.int64)) * POLL_US + POLL_US // 2
        stream = batches.copy_buffer(
            np.tile(place.series.ids, len(part)),
            np.repeat(ts, len(made)),
            part.ravel(),
            np.full(part.size, 60, np.float32),
            np.zeros(part.size, np.uint8),
        )
        await batches.copy_samples(place.owner, stream)


async def pack(place: Place) -> None:
    """The day of samples, 500 series a transaction, as the job does."""
    for first in range(0, len(place.series.ids), 500):
        async with place.reading() as con:
            await history.pack(con, place.tenant, DAY, place.series.rows(slice(first, first + 500)))


async def write_month(place: Place, packed: Packed) -> None:
    """The same buckets as the DAYS days before that of the samples."""
    for day in range(DAY - DAYS, DAY):
        async with place.reading() as con:
            await history.replace(con, day, place.series, packed)


async def read_matrix(place: Place, columns: list[matrices.Column]) -> None:
    start, end = (DAY - DAYS) * DAY_US, DAY * DAY_US
    async with place.reading() as con:
        matrix = await matrices.load(con, place.tenant, place.series.ids, start, end, "5m", columns)
        if matrix.values["mean"].shape != (len(place.series.ids), DAYS * BUCKETS) or np.isnan(matrix.values["mean"]).any():
            raise RuntimeError("the matrix is not what was written")


async def read_some(place: Place, sql: str = "") -> None:
    """The last 30 days of EACH series, one query each: as arrays, or by the SQL given."""
    async with place.reading() as con:
        for number in range(EACH):
            series = int(place.series.ids[number * 37 % len(place.series.ids)])
            if sql:
                await con.fetch(sql, series, history.date_of(DAY - DAYS), history.date_of(DAY))
            else:
                await matrices.load(con, place.tenant, [series], (DAY - DAYS) * DAY_US, DAY * DAY_US)


async def read_raw_day(place: Place) -> None:
    """A day of EACH series from raw samples: what a page shows of today."""
    async with place.reading() as con:
        for number in range(EACH):
            await history.from_raw(con, place.tenant, DAY, place.series.ids[number * 37 % len(place.series.ids)][None])


class Bench:
    """The two databases in turn."""

    def __init__(self, runner: asyncio.Runner, places: dict[str, Place], rounds: int) -> None:
        self.run, self.places, self.rounds = runner.run, places, rounds
        self.figures: dict[str, Any] = {}

    def time(self, what: str, call: Callable[[Place], Coroutine[Any, Any, None]], rounds: int | None = None) -> dict[str, float]:
        """Median seconds of `call` on each."""
        harness.progress(what)
        calls = {name: (lambda place=place: self.run(call(place))) for name, place in self.places.items()}
        took = harness.alternate(calls, rounds or self.rounds, warm_up=0 if rounds else 1)
        return {name: statistics.median(seconds) for name, seconds in took.items()}

    def rate(self, key: str, amount: int, seconds: dict[str, float]) -> None:
        self.figures[key] = {name: round(amount / each) for name, each in seconds.items()}

    def each(self, key: str, seconds: dict[str, float]) -> None:
        self.figures[key] = {name: round(whole / EACH * 1e3, 2) for name, whole in seconds.items()}

    def size(self, key: str, table: str, parts: int) -> None:
        self.figures[key] = {name: round(self.run(place.size(table)) / parts, 2) for name, place in self.places.items()}


def measure(bench: Bench, polls: int) -> None:
    count = len(next(iter(bench.places.values())).series.ids)
    buckets = count * DAYS * BUCKETS
    bench.rate("raw_samples_per_s", count * polls, bench.time("store a day of samples", lambda p: load_raw(p, polls), 1))
    bench.size("raw_bytes_per_sample", "sample", count * polls)
    bench.each("raw_series_day_ms", bench.time("read a series' day from raw samples", read_raw_day))
    packing = bench.time("pack the day", pack)
    bench.rate("pack_buckets_per_s", count * BUCKETS, packing)
    bench.rate("pack_samples_per_s", count * polls, packing)
    for place in bench.places.values():
        bench.run(empty(place))
    made = values(count, BUCKETS, 2)
    packed = Packed(made, made * np.float32(1.2), np.full(made.shape, 300, np.int16))
    bench.rate("write_buckets_per_s", buckets, bench.time(f"write {DAYS} days", lambda p: write_month(p, packed), 1))
    for name, table, parts in (
        ("packed_bytes_per_bucket", "history_5m", buckets),
        ("hourly_bytes_per_hour", "history_1h", count * DAYS * 24),
    ):
        bench.size(name, table, parts)
    bench.size("daily_bytes_per_day", "history_1d", count * DAYS)
    bench.rate("matrix_values_per_s", buckets, bench.time("matrix of means", lambda p: read_matrix(p, ["mean"])))
    three: list[matrices.Column] = ["mean", "max", "seconds"]
    bench.rate("matrix_3_columns_values_per_s", 3 * buckets, bench.time("matrix, all columns", lambda p: read_matrix(p, three)))
    bench.each("series_30d_ms", bench.time("30 days of a series", read_some))
    bench.each("series_30d_view_ms", bench.time("the same by the view", lambda p: read_some(p, VIEW)))
    bench.each("series_30d_hourly_view_ms", bench.time("30 days of hours by the view", lambda p: read_some(p, HOURS)))


async def empty(place: Place) -> None:
    """Without the rows of packing again and again, whose space only vacuum gives back."""
    for table in history.TABLES:
        await place.owner.execute(f"truncate {table}")


@contextlib.contextmanager
def servers() -> Iterator[dict[str, str]]:
    """The DSN of a fresh database on each."""
    binaries = Path(need("timescale"))
    with tempfile.TemporaryDirectory(prefix="lineside-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with contextlib.ExitStack() as stack:
            found = {}
            for name, settings in KINDS.items():
                data = Path(folder) / name / "data"
                data.parent.mkdir(mode=0o711)
                stack.enter_context(clusters._postgres(binaries, data, settings))  # noqa: SLF001 # as clusters.running does
                found[name] = f"postgresql://postgres@/postgres?host={quote(str(data), safe='')}"
            yield found


def main() -> None:
    given = harness.options("storage")
    count, polls = (400, 1_440) if given.quick else (4_000, 1_440)
    with servers() as dsns, asyncio.Runner() as runner:
        places = {name: runner.run(prepare(dsn, count)) for name, dsn in dsns.items()}
        bench = Bench(runner, places, 3 if given.quick else 7)
        measure(bench, polls)
        bench.figures |= {"series": count, "samples": count * polls, "buckets": count * DAYS * BUCKETS}
        extension = "select extversion from pg_extension where extname = 'timescaledb'"
        peers = {
            "postgresql": runner.run(places["plain"].owner.fetchval("show server_version")),
            "timescaledb": runner.run(places["timescale"].owner.fetchval(extension)),
        }
        for place in places.values():
            runner.run(place.pool.close())
            runner.run(place.owner.close())
    harness.report(given, bench.figures, peers)


if __name__ == "__main__":
    main()
