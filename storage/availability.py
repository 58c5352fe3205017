"""Spans of many services as flat arrays, and the availability of one account's services."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from analytics.availability import STATUSES
from analytics.availability_arrays import FOREVER, SpanArrays
from analytics.maintenance import MAINTENANCE
from analytics.periods import Calendar, periods
from analytics.summary import Member, Summary, summarise
from storage.times import to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from storage.database import Connection

_EPOCH_2000 = 946_684_800_000_000  # PostgreSQL counts µs from there
_PLANNED = 8  # added to the status' position where the flag of maintenance is set
_CODE = f"""case x.raw {" ".join(f"when '{status}' then {number}" for number, status in enumerate(STATUSES))} end
  + case when x.flags = '{{}}' then 0 when '{MAINTENANCE}' = any(x.flags) then {_PLANNED} else 0 end"""
# One row a service, its spans as the bytes that PostgreSQL would send of each: a tenth of the messages, and nothing to decode.
_COLUMNS = f"""x.service_id, string_agg(timestamptz_send(x.starts_at), '') as start,
  string_agg(timestamptz_send(coalesce(x.ends_at, 'infinity')), '') as end, string_agg(int2send(({_CODE})::int2), '') as code"""


async def spans_of(con: Connection, tenant_id: int, service_ids: Sequence[int], since: int) -> SpanArrays:
    """The spans of a few services that reach beyond `since` (µs); `service` is the position in `service_ids`, which ascend.

    From the last span that begins before `since` on, found by index, however long the history before it is.
    """
    query = f"""select {_COLUMNS} from unnest($2::bigint[]) as w (id)
      cross join lateral (select coalesce((select max(starts_at) from service_span b where b.tenant_id = $1
        and b.service_id = w.id and b.starts_at <= $3), '-infinity') as at offset 0) first
      join service_span x on x.tenant_id = $1 and x.service_id = w.id
        and x.starts_at >= first.at and (x.ends_at is null or x.ends_at > $3) group by 1"""  # noqa: S608 - constants
    return await _arrays(con, query, (tenant_id, list(service_ids), to_datetime(since)), np.array(service_ids, np.int64))


async def all_spans(con: Connection, tenant_id: int, service_ids: Sequence[int], since: int) -> SpanArrays:
    """The same for many services whose ids lie together: all spans between the first and the last id are read."""
    query = f"""select {_COLUMNS} from service_span x where x.tenant_id = $1 and x.service_id between $2 and $3
      and (x.ends_at is null or x.ends_at > $4) group by 1"""  # noqa: S608 - constants
    ids = np.array(service_ids, np.int64)
    bounds = (int(ids[0]), int(ids[-1])) if len(ids) else (0, -1)
    return await _arrays(con, query, (tenant_id, *bounds, to_datetime(since)), ids)


async def members(con: Connection, tenant_id: int, account_id: int) -> list[Member]:
    """The services of an account by id, with what their availability is computed by."""
    rows = await con.fetch(
        """select s.id, s.external_id, s.name, s.location_id, s.mrr, s.currency, p.maintenance_policy as policy, p.sla_percent
           from service s join product p on p.tenant_id = s.tenant_id and p.id = s.product_id
           where s.tenant_id = $1 and s.account_id = $2 order by s.id""",
        tenant_id,
        account_id,
    )
    return [Member(**row) for row in rows]


async def zone_of(con: Connection, tenant_id: int, account_id: int) -> tuple[ZoneInfo, Calendar]:
    """The zone whose calendar an account's periods follow, and when its weeks start."""
    row = await con.fetchrow(
        """select coalesce(a.timezone, t.timezone) as zone, t.week_start from account a join tenant t on t.id = a.tenant_id
           where a.tenant_id = $1 and a.id = $2""",
        tenant_id,
        account_id,
    )
    return (ZoneInfo("UTC"), Calendar()) if row is None else (ZoneInfo(row["zone"]), Calendar(week_start=row["week_start"]))


async def service_summary(con: Connection, tenant_id: int, service_id: int, now: int) -> tuple[ZoneInfo, Member, Summary]:
    """The ten periods of one service, which exists, by the calendar of its account, with what they were computed by."""
    row = await con.fetchrow(
        """select s.account_id, s.id, s.external_id, s.name, s.location_id, s.mrr, s.currency, p.maintenance_policy as policy,
             p.sla_percent
           from service s join product p on p.tenant_id = s.tenant_id and p.id = s.product_id
           where s.tenant_id = $1 and s.id = $2""",
        tenant_id,
        service_id,
    )
    if row is None:
        raise KeyError(service_id)
    values = dict(row)
    zone, calendar = await zone_of(con, tenant_id, values.pop("account_id"))
    member = Member(**values)
    wanted = periods(now, zone, calendar)
    spans = await spans_of(con, tenant_id, [service_id], min(each.start for each in wanted))
    return zone, member, summarise([member], spans, wanted)


async def account_summary(con: Connection, tenant_id: int, account_id: int, now: int, *, singly: bool = True) -> Summary:
    """The ten periods of an account: `singly` each service and each location too. Computed from the timelines; nothing is stored."""
    zone, calendar = await zone_of(con, tenant_id, account_id)
    wanted = periods(now, zone, calendar)
    services = await members(con, tenant_id, account_id)
    spans = await spans_of(con, tenant_id, [each.id for each in services], min(each.start for each in wanted))
    return await asyncio.to_thread(summarise, services, spans, wanted, singly=singly)


async def _arrays(con: Connection, query: str, arguments: tuple[object, ...], ids: NDArray[np.int64]) -> SpanArrays:
    position = {int(key): number for number, key in enumerate(ids)}
    rows = [row for row in await con.fetch(query, *arguments) if row["service_id"] in position]
    start, end, code = (
        np.frombuffer(b"".join([row[name] for row in rows]), form).astype(np.int64)
        for name, form in (("start", ">i8"), ("end", ">i8"), ("code", ">i2"))
    )
    service = np.repeat([position[row["service_id"]] for row in rows], [len(row["code"]) // 2 for row in rows]).astype(np.int64)
    start += _EPOCH_2000
    end = np.where(end == FOREVER, FOREVER, np.minimum(end, FOREVER - _EPOCH_2000) + _EPOCH_2000)
    order = np.lexsort((start, service))
    planned = code[order] >= _PLANNED
    return SpanArrays(service[order], start[order], end[order], (code[order] % _PLANNED).astype(np.int8), planned)
