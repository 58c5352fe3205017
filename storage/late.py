"""How far history is packed, and which elements have samples that came after their day had ended."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analytics.buckets import REACH_US
from storage.retention import RAW_DAYS
from storage.times import DAY_US, SECOND_US, to_datetime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import date

    from numpy.typing import NDArray

    from storage.database import Connection, Pool

PACKER = 0x7061636B  # "pack": the lock's own number space
EPOCH_ORDINAL = 719_163  # date.toordinal() of 1970-01-01


class Progress(NamedTuple):
    """Days since the Unix epoch: earlier ones are packed; of still earlier ones the raw samples are gone."""

    packed_to: int
    raw_from: int


def days_of(element: NDArray[np.int64], ts: NDArray[np.int64], seconds: NDArray[np.float32], today: int) -> dict[int, list[int]]:
    """Days before `today` that samples of shape [n] say something about: day -> elements. Empty, and cheap, for fresh ones."""
    if not len(ts) or int(ts.min()) - _reach(seconds.max()) >= today * DAY_US:
        return {}
    since = ts - (np.minimum(seconds, REACH_US // SECOND_US) * SECOND_US).astype(np.int64)
    rows = np.column_stack([element, since // DAY_US, ts // DAY_US])
    # agents send the samples of an element together: most rows say what the one before them said
    rows = rows[np.r_[True, (rows[1:] != rows[:-1]).any(axis=1)]]
    days = [day for day in np.unique(rows[:, 1:]).tolist() if day < today]
    return {day: np.unique(rows[(rows[:, 1:] == day).any(axis=1), 0]).tolist() for day in days}


def _reach(seconds: float) -> int:
    """µs before its ts that a sample says something about."""
    return min(int(seconds * SECOND_US) + 1, REACH_US)


async def mark(con: Connection, tenant_id: int, days: dict[int, list[int]], now_us: int) -> None:
    """Note that these days must be packed again: day -> elements. One row a day, whatever their number."""
    for day, elements in days.items():
        await con.execute(
            "insert into history_dirty (tenant_id, day, elements, at) values ($1, $2, $3, $4)",
            tenant_id,
            to_datetime(day * DAY_US).date(),
            elements,
            to_datetime(now_us),
        )


async def claim(con: Connection, tenant_id: int, to: Progress, settled_us: int, rows: int = 5_000) -> dict[int, list[int]]:
    """Take up to `rows` marks of packed days: day -> elements. They return if the transaction fails.

    Many, since each makes whole days of its elements anew: a backlog's batches are better packed together. Marks of days whose
    raw samples are gone are taken only if made before `settled_us`: their samples are removed by packing, and until then
    whoever decides a status must see them.
    """
    taken = await con.fetch(
        """with taken as (
             delete from history_dirty where id in (
               select id from history_dirty where tenant_id = $1 and day < $2 and (day >= $3 or at <= $4) order by id limit $5)
             returning day, elements)
           select day, array_agg(distinct e) as elements from taken, unnest(elements) as e group by day order by day""",
        tenant_id,
        *_dates(to),
        to_datetime(settled_us),
        rows,
    )
    return {day_of(row["day"]): row["elements"] for row in taken}


async def forget(con: Connection, tenant_id: int, day: int) -> None:
    """Drop the marks of `day`, all of which is about to be packed; commit before its samples are read."""
    await con.execute("delete from history_dirty where tenant_id = $1 and day = $2", tenant_id, to_datetime(day * DAY_US).date())


async def progress(con: Connection, tenant_id: int, today: int) -> Progress:
    """How far the tenant's history is. Locks the row: whoever holds it knows that raw samples do not go meanwhile.

    It begins with the first day of which raw samples are usually kept; what is older has marks, and nothing of it is gone yet.
    """
    await con.execute(
        """insert into history_progress (tenant_id, packed_to, raw_from)
           select $1, greatest(coalesce(min(day), $2), $2 - $3::integer), '1970-01-01' from sample_days($2::date)
           on conflict do nothing""",
        tenant_id,
        to_datetime(today * DAY_US).date(),
        RAW_DAYS,
    )
    row = await con.fetchrow("select packed_to, raw_from from history_progress where tenant_id = $1 for update", tenant_id)
    return Progress(day_of(row["packed_to"]), day_of(row["raw_from"]))


async def packed_to(con: Connection, tenant_id: int) -> int:
    """The first day that is not packed yet; 0 where packing has not begun."""
    day = await con.fetchval("select packed_to from history_progress where tenant_id = $1", tenant_id)
    return 0 if day is None else day_of(day)


async def raw_from_us(con: Connection, tenant_id: int) -> int:
    """The instant from which raw samples are complete, µs; before it only what came late is there. 0: none are gone."""
    day = await con.fetchval("select raw_from from history_progress where tenant_id = $1", tenant_id)
    return 0 if day is None else day_of(day) * DAY_US


async def advance(con: Connection, tenant_id: int, packed: int) -> None:
    """All days before `packed` are packed now."""
    await con.execute(
        "update history_progress set packed_to = greatest(packed_to, $2) where tenant_id = $1",
        tenant_id,
        to_datetime(packed * DAY_US).date(),
    )


@contextlib.asynccontextmanager
async def alone(pool: Pool, tenant_id: int) -> AsyncIterator[bool]:
    """Whether this process may pack the tenant's days for as long as the block runs; another may be at it."""
    async with pool.acquire() as con:
        mine = bool(await con.fetchval("select pg_try_advisory_lock($1, $2)", PACKER, tenant_id))
        try:
            yield mine
        finally:
            if mine:
                await con.execute("select pg_advisory_unlock($1, $2)", PACKER, tenant_id)


def day_of(day: date) -> int:
    """Days since the Unix epoch."""
    return day.toordinal() - EPOCH_ORDINAL


def _dates(to: Progress) -> tuple[date, date]:
    return to_datetime(to.packed_to * DAY_US).date(), to_datetime(to.raw_from * DAY_US).date()
