"""Alarms: those that are not closed, written as they change, with the services that stand on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from analytics.alarms import Alarm, Key, Present
from storage.times import to_datetime, to_us
from storage.views import plain_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from storage.database import Connection

_LIST = """
select a.id, a.condition, a.instance, a.state, a.severity, a.raised_at as raised, a.last_seen as seen, a.cleared_at as cleared,
  a.count as times, a.detail, a.flags, a.acknowledged_by, a.cleared_by, a.clear_reason,
  coalesce(e.external_id, '') as element, coalesce(e.name, s.name) as name, coalesce(s.external_id, '') as service,
  coalesce((select jsonb_agg(jsonb_build_array(v.external_id, v.name, c.external_id, c.name, v.mrr::text, v.currency)
     order by v.mrr desc, v.name) from alarm_service l
     join service v on v.tenant_id = l.tenant_id and v.id = l.service_id
     join account c on c.tenant_id = v.tenant_id and c.id = v.account_id
     where l.tenant_id = a.tenant_id and l.alarm_id = a.id), '[]') as services
from alarm a
left join element e on e.tenant_id = a.tenant_id and e.id = a.element_id
left join service s on s.tenant_id = a.tenant_id and s.id = a.service_id
where a.tenant_id = $1 and ($2 = '' or a.state = any(string_to_array($2, ',')))
  and ($3 = '' or e.external_id = $3)
  and ($4 = '' or exists (select from alarm_service l join service v on v.tenant_id = l.tenant_id and v.id = l.service_id
       where l.tenant_id = a.tenant_id and l.alarm_id = a.id and v.external_id = $4))
  and a.severity <= $5 and ($6 = 0 or a.id < $6)
order by {order} limit $7
"""
BY_STATE = "array_position(array['open','acknowledged','cleared','closed'], a.state), a.severity, a.raised_at desc, a.id desc"


class Line(NamedTuple):
    """An alarm as it is shown; instants in µs. `services`: id, name, account id, account, MRR, currency of each."""

    id: int
    condition: str
    instance: str
    state: str
    severity: int
    raised: int
    seen: int
    cleared: int | None
    times: int
    detail: str
    flags: tuple[str, ...]
    acknowledged_by: str
    cleared_by: str
    clear_reason: str
    element: str
    name: str
    service: str
    services: tuple[tuple[str, str, str, str, str, str], ...]


class Wanted(NamedTuple):
    """Which alarms: in these states (joined by commas), of this element or service, at least this severe, behind this id."""

    states: str = ""
    element: str = ""
    service: str = ""
    severity: int = 7
    behind: int = 0


class Raised(NamedTuple):
    """That an alarm was raised from `start` until `end` (µs, None = it still is)."""

    alarm_id: int
    condition: str
    instance: str
    severity: int
    state: str
    element: str
    start: int
    end: int | None


async def lock(con: Connection, tenant_id: int) -> None:
    """Let nobody else decide about the tenant's alarms until the transaction ends."""
    await con.execute("select pg_advisory_xact_lock(hashtextextended('alarms ' || $1, 0))", str(tenant_id))


async def living(con: Connection, tenant_id: int) -> dict[Key, Alarm]:
    """All alarms that are not closed."""
    rows = await con.fetch(
        """select a.*, (select max(p.starts_at) from alarm_span p where p.tenant_id = a.tenant_id and p.alarm_id = a.id) as since
           from alarm a where a.tenant_id = $1 and a.state <> 'closed'""",
        tenant_id,
    )
    return {alarm.key: alarm for alarm in map(_alarm, rows)}


def _alarm(row: Any) -> Alarm:
    key = Key(row["element_id"] or 0, row["service_id"] or 0, row["condition"], row["instance"])
    raised, cleared = to_us(row["raised_at"]), row["cleared_at"]
    since = raised if row["since"] is None else to_us(row["since"])
    return Alarm(
        row["id"], key, row["state"], row["severity"], raised, since, to_us(row["last_seen"]),
        None if cleared is None else to_us(cleared), row["count"], row["detail"], row["cleared_by"], row["clear_reason"],
    )  # fmt: skip


async def save(con: Connection, tenant_id: int, alarm: Alarm) -> int:
    """Write an alarm as it is now, new or not, its present interval and its services; its id."""
    cleared = None if alarm.cleared_at is None else to_datetime(alarm.cleared_at)
    values = (alarm.state, alarm.severity, to_datetime(alarm.last_seen), cleared, alarm.times, alarm.detail[:2_000])
    words = (alarm.cleared_by, alarm.clear_reason[:2_000])
    key = alarm.key
    if alarm.id:
        number = alarm.id
        await con.execute(
            """update alarm set state = $3, severity = $4, last_seen = $5, cleared_at = $6, count = $7, detail = $8,
                 cleared_by = $9, clear_reason = $10 where tenant_id = $1 and id = $2""",
            tenant_id,
            number,
            *values,
            *words,
        )
    else:
        number = await con.fetchval(
            """insert into alarm (tenant_id, element_id, service_id, condition, instance, raised_at, state, severity, last_seen,
                 cleared_at, count, detail, cleared_by, clear_reason)
               values ($1, nullif($2::bigint, 0), nullif($3::bigint, 0), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
               returning id""",
            tenant_id,
            *key,
            to_datetime(alarm.raised_at),
            *values,
            *words,
        )
    await _note(con, tenant_id, number, alarm, cleared)
    return int(number)


async def _note(con: Connection, tenant_id: int, number: int, alarm: Alarm, cleared: datetime | None) -> None:
    """The alarm's present interval, and the services that it concerns."""
    await con.execute(
        "update alarm_span set ends_at = $3 where tenant_id = $1 and alarm_id = $2 and ends_at is null and starts_at < $3",
        tenant_id,
        number,
        to_datetime(alarm.since),
    )
    # an interval without length is none
    end = cleared if alarm.cleared_at is None or alarm.cleared_at > alarm.since else to_datetime(alarm.since + 1)
    await con.execute(
        """insert into alarm_span (tenant_id, alarm_id, starts_at, ends_at) values ($1, $2, $3, $4)
           on conflict (tenant_id, alarm_id, starts_at) do update set ends_at = excluded.ends_at""",
        tenant_id,
        number,
        to_datetime(alarm.since),
        end,
    )
    await con.execute(
        """insert into alarm_service select $1, $2, s.id from service s where s.tenant_id = $1 and s.active and (s.id = $4
             or s.id in (select p.service_id from placement p where p.tenant_id = $1 and (p.element_id = $3
               or p.element_id in (select q.id from element q where q.tenant_id = $1 and q.device_id = $3))))
           on conflict do nothing""",
        tenant_id,
        number,
        alarm.key.element_id,
        alarm.key.service_id,
    )


async def ports(con: Connection, tenant_id: int, devices: Sequence[int]) -> dict[tuple[int, str], int]:
    """(device, name of a port) -> the element that this port is."""
    rows = await con.fetch(
        "select device_id, port, id from element where tenant_id = $1 and device_id = any($2)", tenant_id, list(devices)
    )
    return {(row["device_id"], row["port"]): row["id"] for row in rows}


async def present(con: Connection, tenant_id: int) -> list[Present]:
    """What each element that is placed in an active service, and each service, is now; implied: what it depends on is Down."""
    rows = await con.fetch(
        """select x.element_id, 0::bigint as service_id, x.raw as status, x.starts_at as since, coalesce(d.down, false) as implied
           from element_span x left join (
             select p.element_id, bool_and(exists (select from placement_parent r
               join placement o on o.tenant_id = r.tenant_id and o.id = r.parent_id
               join element_span y on y.tenant_id = o.tenant_id and y.element_id = o.element_id and y.ends_at is null
                 and y.raw = 'Down' where r.tenant_id = p.tenant_id and r.placement_id = p.id)) as down
             from placement p where p.tenant_id = $1 group by p.element_id) d on d.element_id = x.element_id
           where x.tenant_id = $1 and x.ends_at is null
           union all
           select 0, s.service_id, s.shown, s.starts_at, false from service_span s where s.tenant_id = $1 and s.ends_at is null""",
        tenant_id,
    )
    return [Present(row[0], row[1], row[2], to_us(row[3]), row[4]) for row in rows]


async def flag(con: Connection, tenant_id: int, suppressed: Sequence[int]) -> None:
    """Set the flags of all raised alarms: `suppressed` are elements whose ancestors are Down; maintenance of all its services."""
    await con.execute(
        """with now as (select a.id, array_remove(array[case when a.element_id = any($2) then 'suppressed' end,
             case when (select count(*) > 0 and bool_and('maintenance' = any(coalesce(p.flags, '{}'))) from alarm_service l
               left join service_span p on p.tenant_id = l.tenant_id and p.service_id = l.service_id and p.ends_at is null
               where l.tenant_id = a.tenant_id and l.alarm_id = a.id) then 'maintenance' end], null) as flags
             from alarm a where a.tenant_id = $1 and a.state in ('open', 'acknowledged'))
           update alarm a set flags = now.flags from now where a.tenant_id = $1 and a.id = now.id and a.flags <> now.flags""",
        tenant_id,
        list(suppressed),
    )


async def acknowledge(con: Connection, tenant_id: int, alarm_id: int, who: str, now: int) -> bool:
    """Whether an open alarm was there to be acknowledged."""
    done = await con.execute(
        """update alarm set state = 'acknowledged', acknowledged_by = $3, acknowledged_at = $4
           where tenant_id = $1 and id = $2 and state = 'open'""",
        tenant_id,
        alarm_id,
        who,
        to_datetime(now),
    )
    return bool(done == "UPDATE 1")


async def alarms(con: Connection, tenant_id: int, wanted: Wanted, limit: int, *, newest: bool = False) -> list[Line]:
    """Alarms that the caller of this transaction may see: open and severe ones first, or the newest first."""
    rows = await con.fetch(_LIST.format(order="a.id desc" if newest else BY_STATE), tenant_id, *wanted[:4], wanted[4], limit)
    return [Line(**{**plain_row(row), "services": tuple(tuple(each) for each in row["services"])}) for row in rows]


async def counts(con: Connection, tenant_id: int) -> dict[str, int]:
    """How many alarms are in which state."""
    rows = await con.fetch("select state, count(*) from alarm where tenant_id = $1 group by state", tenant_id)
    return {row[0]: row[1] for row in rows}


async def timeline(con: Connection, tenant_id: int, service_id: int, window: tuple[int, int], limit: int) -> list[Raised]:
    """When which alarm of a service was raised, as far as that overlaps [start, end) µs, the oldest first."""
    rows = await con.fetch(
        """select a.id as alarm_id, a.condition, a.instance, a.severity, a.state, coalesce(e.external_id, '') as element,
             p.starts_at as start, p.ends_at as "end"
           from alarm_service l join alarm a on a.tenant_id = l.tenant_id and a.id = l.alarm_id
           join alarm_span p on p.tenant_id = a.tenant_id and p.alarm_id = a.id
           left join element e on e.tenant_id = a.tenant_id and e.id = a.element_id
           where l.tenant_id = $1 and l.service_id = $2 and p.starts_at < $4 and (p.ends_at is null or p.ends_at > $3)
           order by p.starts_at, a.id limit $5""",
        tenant_id,
        service_id,
        to_datetime(window[0]),
        to_datetime(window[1]),
        limit,
    )
    return [Raised(**plain_row(row)) for row in rows]
