"""Availability: the ten periods of many services with a year of timelines, and the figures of one account as its page asks.

Both from a real database whose rows lie in the order in which time made them. Ours reads spans into arrays and sums
them there; the other side lets PostgreSQL sum the same spans over the same windows.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from analytics.availability import POLICIES, STATUSES, Seconds, bucket
from analytics.availability_arrays import spent_many
from analytics.periods import NAMES, periods
from bench import harness
from storage import availability
from storage.database import Connection, as_tenant, connect, connect_owner
from storage.embedded import Embedded
from storage.migrate import migrate
from storage.times import to_datetime
from tests.fakes import service_years

NOW = 1_790_000_000_000_000
CHUNK = 5_000  # services a call: their arrays fit into the caches
CORES = 2
RIVAL = 500  # services that PostgreSQL sums by itself
SETTINGS = {"shared_buffers": "'512MB'", "max_wal_size": "'8GB'"}
SQL = """select s.id, w.name, x.raw, 'maintenance' = any(x.flags) as maintenance,
    sum(extract(epoch from least(coalesce(x.ends_at, 'infinity'), w.until) - greatest(x.starts_at, w.since)) * 1000000)::bigint as us
  from service s join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
  join unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) as w (zone, name, since, until) on w.zone = a.timezone
  join service_span x on x.tenant_id = s.tenant_id and x.service_id = s.id
    and x.starts_at < w.until and (x.ends_at is null or x.ends_at > w.since)
  where s.tenant_id = $1 and s.id = any($6) group by 1, 2, 3, 4"""


class Share(NamedTuple):
    """What one process is to do: services by id, in chunks, with zone and policy of each."""

    dsn: str
    tenant: int
    services: list[int]
    zones: list[str]
    policies: list[int]


def work(share: Share) -> tuple[float, float, int]:
    """Seconds spent loading and summing, and how many spans there were."""
    return asyncio.run(_work(share))


async def _work(share: Share) -> tuple[float, float, int]:
    edges = {zone: np.array([each[1:] for each in periods(NOW, ZoneInfo(zone))]) for zone in set(share.zones)}
    since = int(min(each[:, 0].min() for each in edges.values()))
    pool = await connect(share.dsn, "lineside_app", 1)
    loading = summing = 0.0
    spans = 0
    for first in range(0, len(share.services), CHUNK):
        part = slice(first, first + CHUNK)
        begin = time.perf_counter()
        async with as_tenant(pool, share.tenant) as con:
            arrays = await availability.all_spans(con, share.tenant, share.services[part], since)
        loaded = time.perf_counter()
        windows = np.stack([edges[zone] for zone in share.zones[part]])
        seconds = spent_many(arrays, windows, np.array(share.policies[part], np.int8))
        if (seconds.sum(axis=2) != windows[:, :, 1] - windows[:, :, 0]).any():
            raise RuntimeError("the buckets do not sum to the windows")
        loading, summing = loading + loaded - begin, summing + time.perf_counter() - loaded
        spans += len(arrays.start)
    await pool.close()
    return loading, summing, spans


async def shares(con: Connection, dsn: str, tenant: int) -> list[Share]:
    """The services in as many parts as there are cores."""
    rows = await con.fetch(
        """select s.id, coalesce(a.timezone, 'UTC') as zone, p.maintenance_policy as policy from service s
           join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
           join product p on p.tenant_id = s.tenant_id and p.id = s.product_id where s.tenant_id = $1 order by s.id""",
        tenant,
    )
    half = -(-len(rows) // CORES)
    return [
        Share(dsn, tenant, *map(list, zip(*((r["id"], r["zone"], POLICIES.index(r["policy"])) for r in part), strict=True)))
        for part in (rows[first : first + half] for first in range(0, len(rows), half))
    ]


def ten_periods(parts: Sequence[Share], rounds: int) -> tuple[list[float], list[tuple[float, float, int]]]:
    """Seconds of each round over all services, on CORES processes that are running already."""
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as executor:
        list(executor.map(work, [part._replace(services=part.services[:50]) for part in parts]))
        took, details = [], []
        for number in range(rounds):
            begin = time.perf_counter()
            details = list(executor.map(work, parts))
            took.append(time.perf_counter() - begin)
            harness.progress(f"round {number + 1} of {rounds}: {took[-1]:.2f} s")
    return took, details


async def accounts(dsn: str, tenant: int, con: Connection, calls: int) -> dict[str, float]:
    """Milliseconds of an account's figures, over accounts of all sizes and over the large ones."""
    rows = await con.fetch("select account_id, count(*) as n from service where tenant_id = $1 group by 1 order by 1", tenant)
    random = np.random.default_rng(3)
    everyone = [row["account_id"] for row in rows]
    large = [row["account_id"] for row in rows if row["n"] >= service_years.LARGE]
    pool = await connect(dsn, "lineside_app", 1)
    figures: dict[str, float] = {}
    for name, chosen, count in (("account", everyone, calls), ("large_account", large, calls // 5)):
        took = []
        for account in random.choice(chosen, count):
            begin = time.perf_counter()
            async with as_tenant(pool, tenant) as own:
                summary = await availability.account_summary(own, tenant, int(account), NOW)
            took.append((time.perf_counter() - begin) * 1_000)
            if len(summary.periods) != len(NAMES):
                raise RuntimeError("an account has ten periods")
        ordered = sorted(took)
        figures |= {f"{name}_p50_ms": statistics.median(ordered), f"{name}_p99_ms": ordered[int(len(ordered) * 0.99)]}
    await pool.close()
    return {name: round(value, 2) for name, value in figures.items()}


async def rival(con: Connection, parts: Sequence[Share], tenant: int) -> dict[str, float]:
    """PostgreSQL sums the first RIVAL services; its sums must be ours."""
    some = parts[0]._replace(services=parts[0].services[:RIVAL], zones=parts[0].zones[:RIVAL], policies=parts[0].policies[:RIVAL])
    windows = [(zone, *each) for zone in sorted(set(some.zones)) for each in periods(NOW, ZoneInfo(zone))]
    columns = [list(column) for column in zip(*windows, strict=True)]
    instants = [[to_datetime(us) for us in column] for column in columns[2:]]
    begin = time.perf_counter()
    rows = await con.fetch(SQL, tenant, *columns[:2], *instants, some.services)
    theirs = time.perf_counter() - begin
    found = np.zeros((len(some.services), len(NAMES), len(Seconds())), np.int64)
    for row in rows:
        at = some.services.index(row["id"])
        policy = POLICIES[some.policies[at]]
        found[at, NAMES.index(row["name"]), bucket(row["raw"], policy, maintenance=row["maintenance"])] += row["us"]
    edges = {zone: np.array([each[1:] for each in periods(NOW, ZoneInfo(zone))]) for zone in set(some.zones)}
    wanted = np.stack([edges[zone] for zone in some.zones])
    begin = time.perf_counter()
    arrays = await availability.all_spans(con, tenant, some.services, int(wanted.min()))
    ours = spent_many(arrays, wanted, np.array(some.policies, np.int8))
    took = time.perf_counter() - begin
    measured = [Seconds._fields.index(name) for name in ("maintenance", "no_data", "down", "has_issues", "up")]
    if (ours[:, :, measured] != found[:, :, measured]).any():
        raise RuntimeError("PostgreSQL's sums are not ours")
    return {
        "services": len(some.services),
        "statuses": len(STATUSES),
        "sql_s": round(theirs, 3),
        "ours_one_core_s": round(took, 3),
    }


async def run(dsn: str, count: int, *, quick: bool) -> tuple[dict[str, object], dict[str, object]]:
    con = await connect_owner(dsn)
    await migrate(con)
    begin = time.perf_counter()
    tenant = await service_years.seed(con, count, NOW)
    harness.progress(f"{count} services with a year of timelines are stored ({time.perf_counter() - begin:.0f} s)")
    parts = await shares(con, dsn, tenant)
    pages = await accounts(dsn, tenant, con, 200 if quick else 1_000)
    took, details = await asyncio.to_thread(ten_periods, parts, 3 if quick else 5)
    peer = await rival(con, parts, tenant)
    await con.close()
    spans = sum(each[2] for each in details)
    figures: dict[str, object] = {"ten_periods_s": round(statistics.median(took), 2), "n": count, "spans": spans, "cores": CORES}
    figures |= {"loading_s": round(max(each[0] for each in details), 2), "summing_s": round(max(each[1] for each in details), 2)}
    figures |= {"rounds_s": harness.summary(took), **pages}
    return figures, {"postgresql_sums": peer}


async def measure(folder: Path, *, quick: bool) -> tuple[dict[str, object], dict[str, object]]:
    database = Embedded(folder / "data", SETTINGS)
    dsn = await database.start()
    try:
        return await run(dsn, 4_000 if quick else 100_000, quick=quick)
    finally:
        await database.stop()


def main() -> None:
    given = harness.options("availability")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # as root the database runs as another user, who must reach its data
        figures, peers = asyncio.run(measure(Path(folder), quick=given.quick))
    harness.report(given, figures, peers)


if __name__ == "__main__":
    main()
