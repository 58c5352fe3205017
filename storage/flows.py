"""Flows by the minute, and the hours that are made of them. What they are about stands in flow_key (migrations/015_flows)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from storage import copies
from storage.batches import PG_EPOCH_US
from storage.times import DAY_US, to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from protocols.uplink.kinds import Flows
    from storage.database import Connection

HOUR_US = 3_600_000_000
HOURS_AT_ONCE = 24
COUNTS = ("octets", "packets", "measured_octets", "measured_packets")
ROW = copies.row({"key_id": copies.BIGINT, "ts": copies.BIGINT} | dict.fromkeys(COUNTS, copies.DOUBLE) | {"flows": copies.BIGINT})
_SUMS = ", ".join(f"sum({name})" for name in (*COUNTS, "flows"))


class FlowKey(NamedTuple):
    """What a row of flows is about. `interface` is empty for an element that is itself a port; direction 0 = in, 1 = out."""

    element_id: int
    interface: str
    direction: int
    application: str
    provider: str
    remote: str


async def ensure_days(con: Connection, days: Sequence[int]) -> None:
    """Make room for rows of `days` (days since the Unix epoch, UTC)."""
    for day in days:
        await con.execute("select ensure_flow_day($1)", to_datetime(day * DAY_US).date())


async def ensure_keys(con: Connection, tenant_id: int, wanted: Sequence[FlowKey]) -> list[int]:
    """The ids of `wanted`, made where missing, in the same order."""
    columns = [list(column) for column in zip(*wanted, strict=True)]
    shape = "unnest($2::bigint[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[])"
    names = "element_id, interface, direction, application, provider, remote"
    # in one order, so that two batches with the same new keys never wait for each other in a circle
    await con.execute(
        f"""insert into flow_key (tenant_id, id, {names})
            select $1, $1::bigint << 40 | nextval('flow_key_serial'), w.* from (
              select distinct u.* from {shape} as u ({names})
              where not exists (select from flow_key k where k.tenant_id = $1
                and (k.element_id, k.interface, k.direction, k.application, k.provider, k.remote) = u)
              order by 1, 2, 3, 4, 5, 6) w
            on conflict do nothing""",  # noqa: S608 # names above
        tenant_id,
        *columns,
    )
    rows = await con.fetch(
        f"""select k.id from {shape} with ordinality as u ({names}, i) join flow_key k
              on k.tenant_id = $1 and k.element_id = u.element_id and k.interface = u.interface and k.direction = u.direction
              and k.application = u.application and k.provider = u.provider and k.remote = u.remote order by u.i""",  # noqa: S608 # names above
        tenant_id,
        *columns,
    )
    return [row["id"] for row in rows]


async def copy(con: Connection, tenant_id: int, ids: NDArray[np.int64], part: Flows) -> None:
    """Store the rows and mark their hours, in the transaction that claims their batch. Raises NoSuchDay (storage/batches.py)."""
    columns = {"key_id": ids, "ts": part.ts - PG_EPOCH_US} | {name: getattr(part, name) for name in (*COUNTS, "flows")}
    await copies.write(con, "flow_minute", copies.fill(ROW, columns), tuple(columns))
    hours = np.unique(part.ts // HOUR_US).tolist()
    await con.execute(
        "insert into flow_dirty (tenant_id, hour) select $1, * from unnest($2::timestamptz[])",
        tenant_id,
        [to_datetime(hour * HOUR_US) for hour in hours],
    )


async def tenants(con: Connection) -> list[int]:
    """Tenants that have flows."""
    return [row[0] for row in await con.fetch("select * from tenants_with_flows()")]


async def roll(con: Connection, tenant_id: int, closed: int) -> int:
    """Make the earliest HOURS_AT_ONCE hours anew that have marks and end by `closed` (µs, a full hour); returns how many.

    In a transaction of the tenant. Done when it returns less than HOURS_AT_ONCE; then hours before `closed` are whole.
    """
    await con.execute("insert into flow_progress (tenant_id) values ($1) on conflict do nothing", tenant_id)
    # one at a time, and not while days of minutes are let go of
    minutes_from = await con.fetchval("select minutes_from from flow_progress where tenant_id = $1 for update", tenant_id)
    marked = await con.fetch(
        """with due as (select distinct hour from flow_dirty where tenant_id = $1 and hour < $2 order by hour limit $3),
             gone as (delete from flow_dirty where tenant_id = $1 and hour in (select hour from due))
           select hour from due""",
        tenant_id,
        to_datetime(closed),
        HOURS_AT_ONCE,
    )
    for row in marked:
        await (_make if row["hour"] >= minutes_from else _add)(con, tenant_id, to_us(row["hour"]))
    if len(marked) < HOURS_AT_ONCE:
        await con.execute(
            "update flow_progress set rolled_to = greatest(rolled_to, $2) where tenant_id = $1", tenant_id, to_datetime(closed)
        )
    return len(marked)


async def _make(con: Connection, tenant_id: int, hour: int) -> None:
    """An hour of which all minutes are there."""
    await con.execute(
        "delete from flow_hour where key_id >= $1::bigint << 40 and key_id < ($1::bigint + 1) << 40 and ts = $2",
        tenant_id,
        to_datetime(hour),
    )
    await con.execute(
        f"""insert into flow_hour (key_id, ts, {", ".join(COUNTS)}, flows) select key_id, $2, {_SUMS} from flow_minute
            where key_id >= $1::bigint << 40 and key_id < ($1::bigint + 1) << 40 and ts >= $2 and ts < $3 group by key_id""",  # noqa: S608 # names above
        tenant_id,
        to_datetime(hour),
        to_datetime(hour + HOUR_US),
    )


async def _add(con: Connection, tenant_id: int, hour: int) -> None:
    """An hour whose minutes were let go of: what came late is added to it and goes, in one statement."""
    added = ", ".join(f"{name} = h.{name} + excluded.{name}" for name in (*COUNTS, "flows"))
    await con.execute(
        f"""with gone as (delete from flow_minute where key_id >= $1::bigint << 40 and key_id < ($1::bigint + 1) << 40
              and ts >= $2 and ts < $3 returning *)
            insert into flow_hour as h (key_id, ts, {", ".join(COUNTS)}, flows) select key_id, $2, {_SUMS} from gone group by key_id
            on conflict (key_id, ts) do update set {added}""",  # noqa: S608 # names above
        tenant_id,
        to_datetime(hour),
        to_datetime(hour + HOUR_US),
    )


async def trim(con: Connection, tenant_id: int, minutes_from: int, hours_from: int) -> None:
    """Delete the tenant's minutes and hours before these days (µs); minutes only once all of them are in hours.

    Of minutes one statement, so that rows and marks are seen at the same instant: what is under way stays, and is added later.
    """
    await con.execute(
        """with bound as materialized (
             select tenant_id, $2::timestamptz as at from flow_progress
             where tenant_id = $1 and minutes_from < $2 and rolled_to >= $2
             and not exists (select from flow_dirty d where d.tenant_id = $1 and d.hour < $2) for update),
           gone as (
             delete from flow_minute using bound where key_id >= $1::bigint << 40 and key_id < ($1::bigint + 1) << 40
             and ts < $2 and ts < bound.at)
           update flow_progress p set minutes_from = bound.at from bound where p.tenant_id = bound.tenant_id""",
        tenant_id,
        to_datetime(minutes_from),
    )
    await con.execute(
        "delete from flow_hour where key_id >= $1::bigint << 40 and key_id < ($1::bigint + 1) << 40 and ts < $2",
        tenant_id,
        to_datetime(hours_from),
    )
