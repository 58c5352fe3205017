"""How long things are kept: whole partitions or chunks go when no tenant wants them, single rows where one wants less."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from storage import flows
from storage.times import DAY_US, to_datetime

if TYPE_CHECKING:
    from datetime import date

    from storage.database import Connection

RAW_DAYS = 14
EPOCH_SILENT_DAYS = 90
COMPRESS_AFTER_DAYS = 2


class Days(NamedTuple):
    """Days that things are kept, by the name of their column in tenant_retention without `_days`.

    Of samples: raw, 5-minute and hourly history; daily history and timelines are for ever.
    """

    raw: int = RAW_DAYS
    five_minute: int = 400
    hourly: int = 800
    flow_minute: int = 14
    flow_hour: int = 400

    def longest(self, other: Days) -> Days:
        return Days(*map(max, self, other))


async def wanted(con: Connection) -> dict[int, Days]:
    """Tenants that want other than the usual."""
    columns = ", ".join(f"{name}_days" for name in Days._fields)
    rows = await con.fetch(f"select tenant_id, {columns} from retention_overrides()")  # noqa: S608 # names above
    return {
        tenant: Days(*(usual if own is None else own for own, usual in zip(given, Days(), strict=True)))
        for tenant, *given in rows
    }


async def drop_whole(con: Connection, keep: Days, today: int) -> dict[str, int]:
    """Drop what lies wholly before the days to keep: {"raw": days gone, "5m": partitions or chunks gone, "1h": ...}.

    A day of raw samples stays while it has anything to pack. Nothing goes while somebody reads for longer than 3 s: it will
    next time. Not in a transaction: each statement takes its locks for as short as it can.
    """
    gone = {}
    for what, days, statement in (
        ("raw", keep.raw, "select release_sample_days($1)"),
        ("5m", keep.five_minute, "select drop_history_days('5m', $1)"),
        ("1h", keep.hourly, "select drop_history_days('1h', $1)"),
        ("flow minutes", keep.flow_minute, "select release_flow_minutes($1)"),
        ("flow hours", keep.flow_hour, "select drop_flow_hours($1)"),
    ):
        try:
            gone[what] = await con.fetchval(statement, _date(today - days))
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            gone[what] = 0
    return gone


async def trim_tenant(con: Connection, tenant_id: int, keep: Days, today: int) -> None:
    """Delete the tenant's rows that are older than it wants, in a transaction of its own."""
    await _trim_raw(con, tenant_id, today - keep.raw)
    for table, days in (("history_5m", keep.five_minute), ("history_1h", keep.hourly)):
        await con.execute(
            f"delete from {table} where series_id >= $1::bigint << 40 and series_id < ($1::bigint + 1) << 40 and day < $2",  # noqa: S608 # names above
            tenant_id,
            _date(today - days),
        )
    await flows.trim(con, tenant_id, (today - keep.flow_minute) * DAY_US, (today - keep.flow_hour) * DAY_US)


async def _trim_raw(con: Connection, tenant_id: int, before: int) -> None:
    """Delete raw rows of packed days before `before` that have no marks.

    One statement, so that rows and marks are seen at the same instant: a late row is kept, for its mark is not seen either or
    holds the boundary back.
    """
    await con.execute(
        """with bound as materialized (
             select least(packed_to, $2, (select min(day) from history_dirty where tenant_id = $1)) as day
             from history_progress where tenant_id = $1 and raw_from < $2 for update),
           gone as (
             delete from sample using bound where series_id >= $1::bigint << 40 and series_id < ($1::bigint + 1) << 40
             and ts < $3 and ts < bound.day::timestamp at time zone 'UTC')
           update history_progress p set raw_from = bound.day from bound where p.tenant_id = $1 and p.raw_from < bound.day""",
        tenant_id,
        _date(before),
        to_datetime(before * DAY_US),
    )


async def forget_epochs(con: Connection, tenant_id: int, today: int) -> int:
    """Drop what is known of the batches of agents' lives that have been silent for EPOCH_SILENT_DAYS."""
    done = await con.execute(
        "delete from ingest_claim where tenant_id = $1 and last_at < $2", tenant_id, _date(today - EPOCH_SILENT_DAYS)
    )
    return int(done.split()[-1])


async def compress(con: Connection, today: int) -> int | None:
    """Compress closed raw days where TimescaleDB's edition can; None where the database cannot."""
    days: int = await con.fetchval("select compress_sample_days($1)", _date(today - COMPRESS_AFTER_DAYS))
    return None if days < 0 else days


def _date(day: int) -> date:
    return to_datetime(day * DAY_US).date()
