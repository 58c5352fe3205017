"""Addresses of the maintenance calendar: made, found by their hash, stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.times import to_datetime

if TYPE_CHECKING:
    from storage.database import Connection


async def add(con: Connection, tenant_id: int, sha256: bytes, now: int) -> None:
    """Record a new address by the hash of its key; the key itself is never stored."""
    await con.execute(
        "insert into calendar_feed (tenant_id, sha256, created_at) values ($1, $2, $3)", tenant_id, sha256, to_datetime(now)
    )


async def stop_all(con: Connection, tenant_id: int, now: int) -> int:
    """No address that was given out works any more; returns how many did."""
    done = await con.execute(
        "update calendar_feed set revoked_at = $2 where tenant_id = $1 and revoked_at is null", tenant_id, to_datetime(now)
    )
    return int(done.rpartition(" ")[2])


async def living(con: Connection) -> int:
    """How many addresses work."""
    value: int = await con.fetchval("select count(*) from calendar_feed where revoked_at is null")
    return value


async def tenant_of(con: Connection, sha256: bytes) -> int | None:
    """The tenant whose windows the address with this hash shows; None for an unknown or stopped one."""
    value: int | None = await con.fetchval("select tenant_of_calendar($1)", sha256)
    return value
