"""Exactly once: claim a batch, COPY its rows, mark what they make dirty, all in the caller's transaction."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import asyncpg
import numpy as np

from storage.times import DAY_US, to_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from protocols.uplink.batch import Gaps
    from storage.database import Connection

PG_EPOCH_US = 946_684_800_000_000  # 2000-01-01, where PostgreSQL's binary timestamps start
HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(
            pair
            for name, kind in (("series", ">i8"), ("ts", ">i8"), ("value", ">f8"), ("seconds", ">f4"), ("reason", ">i2"))
            for pair in ((f"{name}_length", ">i4"), (name, kind))
        ),
    ]
)
COLUMNS = ("series_id", "ts", "value", "seconds", "reason")
REJECTS_KEPT = 1_000  # per agent

AlreadyStored = asyncpg.UniqueViolationError  # a row of the batch exists: store it again with `merge`
NoSuchDay = asyncpg.CheckViolationError  # a day's partition was dropped meanwhile: ensure_days, then again


async def claim(con: Connection, agent: tuple[int, int], key: tuple[str, str, int], now_us: int, skew: float) -> bool:
    """Claim batch `key` = (lane, epoch, seq) of `agent` = (tenant, id); False if it is stored already."""
    return bool(
        await con.fetchval(
            """insert into ingest_claim as c (tenant_id, agent_id, lane, epoch, seen, last_at, skew_seconds)
               values ($1, $2, $3, $4, int8multirange(int8range($5::bigint, $5::bigint + 1)), $6, $7)
               on conflict (tenant_id, agent_id, lane, epoch) do update
               set seen = c.seen + excluded.seen, last_at = excluded.last_at, skew_seconds = excluded.skew_seconds
               where not c.seen @> $5::bigint returning true""",
            *agent,
            *key,
            to_datetime(now_us),
            skew,
        )
    )


def copy_buffer(
    series: NDArray[np.int64],
    ts: NDArray[np.int64],
    value: NDArray[np.float64],
    seconds: NDArray[np.float32],
    reason: NDArray[np.uint8],
) -> BytesIO:
    """The rows, shape [n] each, as a binary COPY stream (PostgreSQL manual, COPY, "Binary Format")."""
    rows = np.empty(len(series), ROW)
    rows["fields"] = len(COLUMNS)
    for name, column in zip(("series", "value", "seconds", "reason"), (series, value, seconds, reason), strict=True):
        rows[name] = column
        rows[f"{name}_length"] = ROW[name].itemsize
    rows["ts"] = ts - PG_EPOCH_US
    rows["ts_length"] = 8
    stream = BytesIO()
    stream.write(HEADER)
    stream.write(rows.data)
    stream.write(TRAILER)
    stream.seek(0)
    return stream


async def copy_samples(con: Connection, stream: BytesIO) -> None:
    """Store the rows of `stream`. Raises AlreadyStored or NoSuchDay, after which the transaction is lost."""
    await con.copy_to_table("sample", source=stream, columns=COLUMNS, format="binary")


async def merge_samples(con: Connection, stream: BytesIO) -> int:
    """Store the rows of `stream` that are not there yet, the first of each key; returns how many."""
    await con.execute("create temp table incoming (like sample) on commit drop")
    await con.copy_to_table("incoming", source=stream, columns=COLUMNS, format="binary")
    done = await con.execute("insert into sample select * from incoming on conflict do nothing")
    return int(done.split()[-1])


async def ensure_days(con: Connection, days: Sequence[int]) -> None:
    """Make room for rows of `days` (days since the Unix epoch, UTC)."""
    for day in days:
        await con.execute("select ensure_sample_day($1)", to_datetime(day * DAY_US).date())


async def reject(
    con: Connection, agent: tuple[int, int], key: tuple[str, str, int], now_us: int, why: Mapping[str, tuple[int, str]]
) -> None:
    """Note rows that cannot be stored: reason -> (rows, one example). The newest REJECTS_KEPT notes of an agent are kept."""
    for reason, (rows, example) in why.items():
        await con.execute(
            """insert into ingest_reject (tenant_id, agent_id, at, lane, epoch, seq, reason, rows, example)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
            *agent,
            to_datetime(now_us),
            *key,
            reason,
            rows,
            example[:500],
        )
    await con.execute(
        """delete from ingest_reject where tenant_id = $1 and agent_id = $2 and id <= (
             select id from ingest_reject where tenant_id = $1 and agent_id = $2 order by id desc offset $3 limit 1)""",
        *agent,
        REJECTS_KEPT,
    )


async def store_gaps(con: Connection, agent: tuple[int, int], gaps: Gaps) -> None:
    """Keep what the agent says it had to drop."""
    await con.executemany(
        """insert into ingest_gap (tenant_id, agent_id, lane, first_ts, last_ts, rows, reason) values ($1, $2, $3, $4, $5, $6, $7)""",
        [
            (*agent, gaps.texts[lane], to_datetime(first), to_datetime(last), rows, gaps.texts[reason])
            for first, last, rows, lane, reason in zip(
                *(column.tolist() for column in (gaps.first_ts, gaps.last_ts, gaps.rows, gaps.lane, gaps.reason)), strict=True
            )
        ],
    )
