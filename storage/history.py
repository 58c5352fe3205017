"""Packed history: the samples of a day as one row per series in three resolutions, made when the day closes and made anew for
late data. Days are numbers since the Unix epoch, UTC; `series` is sorted ascending, and each is the caller's tenant's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from analytics import buckets
from analytics.buckets import BUCKETS, DAY_US, REACH_US, Packed
from storage import copies
from storage.copies import BIGINT, DATE, DATE_EPOCH, DOUBLE, INTEGER, REAL, SMALLINT
from storage.times import to_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from storage.database import Connection

HOURS = 24
KEY: dict[str, str | np.dtype[np.void]] = {"series_id": BIGINT, "day": DATE}
_REALS, _HOURLY = copies.array(REAL, BUCKETS), copies.array(REAL, HOURS)
TABLES: dict[str, dict[str, str | np.dtype[np.void]]] = {
    "history_5m": {"mean": _REALS, "max": _REALS, "seconds": copies.array(SMALLINT, BUCKETS)},
    "history_1h": {**dict.fromkeys(("mean", "max", "min", "sum"), _HOURLY), "seconds": copies.array(SMALLINT, HOURS)},
    "history_1d": {**dict.fromkeys(("mean", "max", "min", "p95"), REAL), "sum": DOUBLE, "seconds": INTEGER},
}
_SAMPLE = copies.row({"series_id": BIGINT, "ts": BIGINT, "value": DOUBLE, "seconds": REAL})
_PG_EPOCH_US = DATE_EPOCH * DAY_US


class Series(NamedTuple):
    """Series to pack, shape [n] each: ids, ascending, and what turns value x seconds into `sum`; NaN for gauges, which have none."""

    ids: NDArray[np.int64]
    scale: NDArray[np.float64]

    def rows(self, which: NDArray[np.bool_] | slice) -> Series:
        """Some of them."""
        return Series(self.ids[which], self.scale[which])


class _Samples(NamedTuple):
    """Samples, shape [n] each: the series' place among those asked for, µs, and what was measured."""

    row: NDArray[np.int64]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    seconds: NDArray[np.float32]


async def series_after(con: Connection, tenant_id: int, after: int, limit: int, volumes: Mapping[str, float]) -> Series:
    """The next `limit` series of the tenant by id. `volumes`: metric -> sum for each unit of value x second (bit/s: 1/8 byte)."""
    found = await con.fetch(
        "select id, metric from series where tenant_id = $1 and id > $2 order by id limit $3", tenant_id, after, limit
    )
    return _series([(row["id"], row["metric"]) for row in found], volumes)


async def series_of(con: Connection, tenant_id: int, elements: Sequence[int], volumes: Mapping[str, float]) -> Series:
    """All series of these elements."""
    found = await con.fetch(
        "select id, metric from series where tenant_id = $1 and element_id = any($2) order by id", tenant_id, elements
    )
    return _series([(row["id"], row["metric"]) for row in found], volumes)


async def series_by_id(con: Connection, tenant_id: int, ids: NDArray[np.int64], volumes: Mapping[str, float]) -> Series:
    """These series, all of them, known or not."""
    found = await con.fetch("select id, metric from series where tenant_id = $1 and id = any($2)", tenant_id, ids.tolist())
    metric = {row["id"]: row["metric"] for row in found}
    return _series([(number, metric.get(number, "")) for number in ids.tolist()], volumes)


def _series(found: Sequence[tuple[int, str]], volumes: Mapping[str, float]) -> Series:
    scale = np.array([volumes.get(metric, np.nan) for _, metric in found], np.float64)
    return Series(np.array([number for number, _ in found], np.int64), scale)


async def pack(con: Connection, tenant_id: int, day: int, series: Series) -> int:
    """Make the rows of `day` from all its raw samples, in place of those that exist; returns how many series have any."""
    packed = await from_raw(con, tenant_id, day, series.ids)
    return await replace(con, day, series, packed)


async def add(con: Connection, tenant_id: int, day: int, series: Series) -> int:
    """Add late samples to the rows of `day`, whose other raw samples are gone, and remove them; returns how many they were.

    What they cover of the day before is added there. Two rows of one sample cannot come: a batch is stored once.
    """
    refuse_others(tenant_id, series.ids)
    late = await _samples(
        con,
        series.ids,
        """delete from sample where series_id = any($1) and ts >= $2 and ts < $3
           returning series_id, ts, value, seconds""",
        to_datetime(day * DAY_US),
        to_datetime((day + 1) * DAY_US),
    )
    for each in (day - 1, day):
        fresh = await asyncio.to_thread(buckets.pack, *late, each * DAY_US, len(series.ids))
        hit = fresh.measured()
        if hit.any():
            some = series.rows(hit)
            old = await packed_day(con, tenant_id, each, some.ids)
            await replace(con, each, some, buckets.merge(old, fresh.rows(hit)))
    return len(late.ts)


async def from_raw(con: Connection, tenant_id: int, day: int, series: NDArray[np.int64]) -> Packed:
    """The buckets of `day` from raw samples, one row for each of `series`; those that reach back over midnight count too."""
    refuse_others(tenant_id, series)
    samples = await _samples(
        con,
        series,
        """select series_id, ts, value, seconds from sample where series_id = any($1) and ts >= $2 and ts < $4
           and (ts < $3 or ts - seconds * interval '1 second' < $3)""",
        to_datetime(day * DAY_US),
        to_datetime((day + 1) * DAY_US),
        to_datetime((day + 1) * DAY_US + REACH_US),
    )
    return await asyncio.to_thread(buckets.pack, *samples, day * DAY_US, len(series))


async def packed_day(con: Connection, tenant_id: int, day: int, series: NDArray[np.int64]) -> Packed:
    """The stored buckets of `day`, one row for each of `series`; gaps where there is none."""
    refuse_others(tenant_id, series)
    found = await copies.read(
        con,
        copies.row({"series_id": BIGINT, **TABLES["history_5m"]}),
        "select series_id, mean, max, seconds from history_5m where series_id = any($1) and day = $2",
        series.tolist(),
        date_of(day),
    )
    shape = (len(series), BUCKETS)
    packed = Packed(np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32), np.zeros(shape, np.int16))
    at = np.searchsorted(series, found["series_id"])
    for name, column in packed._asdict().items():
        column[at] = found[name]["items"]["value"]
    return packed


async def _samples(con: Connection, series: NDArray[np.int64], query: str, *bounds: object) -> _Samples:
    found = await copies.read(con, _SAMPLE, query, series.tolist(), *bounds)
    row = np.searchsorted(series, found["series_id"])
    native = found["ts"].astype(np.int64) + _PG_EPOCH_US
    return _Samples(row, native, found["value"].astype(np.float64), found["seconds"].astype(np.float32))


async def replace(con: Connection, day: int, series: Series, packed: Packed) -> int:
    """Store the rows of series that have anything, in all resolutions; those of the others go."""
    await con.execute("select ensure_history_day($1)", date_of(day))
    for table in TABLES:
        await con.execute(f"delete from {table} where day = $2 and series_id = any($1)", series.ids.tolist(), date_of(day))  # noqa: S608 # names above
    hit = packed.measured()
    if not hit.any():
        return 0
    some = packed.rows(hit)
    key: dict[str, NDArray[Any]] = {"series_id": series.ids[hit], "day": np.full(int(hit.sum()), day - DATE_EPOCH, np.int32)}
    for table, kinds in TABLES.items():
        values = key | await asyncio.to_thread(columns, table, some, series.scale[hit])
        await copies.write(con, table, copies.fill(copies.row(KEY | kinds), values), [*KEY, *kinds])
    return int(hit.sum())


def columns(table: str, packed: Packed, scale: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """What `table` stores of a day: column -> values, shape [series, 288 | 24], or [series] for history_1d."""
    if table == "history_5m":
        return packed._asdict()
    rolled = buckets.roll_up(packed, BUCKETS if table == "history_1d" else BUCKETS // HOURS)
    with np.errstate(over="ignore"):  # float32 ends at 3e38
        values = {**rolled._asdict(), "sum": rolled.amount * scale[:, None]}
        return {name: values[name][:, 0] if table == "history_1d" else values[name] for name in TABLES[table]}


def refuse_others(tenant_id: int, series: NDArray[np.int64]) -> None:
    """The tables of history have no row-level security: the tenant is checked in the ids."""
    if (series >> 40 != tenant_id).any():
        msg = "series of another tenant"
        raise ValueError(msg)


def date_of(day: int) -> date:
    """The UTC date of a day's number."""
    return to_datetime(day * DAY_US).date()
