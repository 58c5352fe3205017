"""What the page of one element shows: itself, its sensors with their newest values, its services, series, days and facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analytics.availability import STATUSES
from analytics.availability_arrays import FOREVER, SpanArrays
from analytics.maintenance import MAINTENANCE
from storage import matrices
from storage.times import to_datetime, to_us
from storage.views import LastSample, plain_row

if TYPE_CHECKING:
    from analytics.status import Evidence
    from storage.database import Connection
    from storage.matrices import Matrix

# A span ends whenever evidence or flags change too, so the shown status began where the last different one ended.
_ELEMENT = """
select e.id, e.external_id, e.name, e.kind, coalesce(e.address, d.address, '') as address, coalesce(d.name, '') as device,
       coalesce(d.external_id, '') as device_external_id, coalesce(e.port, '') as port,
       coalesce(i.name, di.name, '') as site, coalesce(v.name, '') as provider, e.managed,
       coalesce(i.timezone, di.timezone, t.timezone) as zone,
       coalesce(p.raw, case when e.managed then 'No Data' else 'Unmanaged' end) as raw,
       coalesce(p.shown, case when e.managed then 'No Data' else 'Unmanaged' end) as status,
       coalesce(other.ends_at, first.starts_at) as since,
       coalesce(p.reason, case when e.managed then 'never' else '' end) as reason, p.flags, p.evidence
from element e
join tenant t on t.id = e.tenant_id
left join element d on d.tenant_id = e.tenant_id and d.id = e.device_id
left join site i on i.tenant_id = e.tenant_id and i.id = e.site_id
left join site di on di.tenant_id = e.tenant_id and di.id = d.site_id
left join account v on v.tenant_id = e.tenant_id and v.id = e.provider_account_id
left join element_span p on p.tenant_id = e.tenant_id and p.element_id = e.id and p.ends_at is null
left join lateral (select o.ends_at from element_span o where o.tenant_id = e.tenant_id and o.element_id = e.id
  and o.starts_at < p.starts_at and o.shown <> p.shown order by o.starts_at desc limit 1) other on true
left join lateral (select o.starts_at from element_span o where o.tenant_id = e.tenant_id and o.element_id = e.id
  and p.starts_at is not null order by o.starts_at limit 1) first on true
where e.external_id = $1
"""
# The newest value of each series, for sensors in their order; a port's own figures are series of the port.
_READINGS = """
select n.name as sensor, n.interval_seconds as interval, x.metric, x.instance, l.ts, l.value, l.reason
from series x join sensor n on n.tenant_id = x.tenant_id and n.id = x.sensor_id
cross join lateral (select m.ts, m.value, m.reason from sample m where m.series_id = x.id and m.ts > $2
  order by m.ts desc limit 1) l
where x.element_id = $1 order by n.name, x.instance, x.metric limit 500
"""
_SERVICES = """
select s.external_id, s.name, a.name as account, c.criticality,
       coalesce(p.shown, case when s.in_service then 'No Data' else 'Not in service' end) as status, p.since
from placement c join service s on s.tenant_id = c.tenant_id and s.id = c.service_id
join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
left join service_span p on p.tenant_id = s.tenant_id and p.service_id = s.id and p.ends_at is null
where c.element_id = $1 order by array_position(array['Down', 'Has Issues', 'No Data', 'Up'], coalesce(p.shown, '')), lower(s.name)
limit 200
"""


class Element(NamedTuple):
    """One element as it is now; `since` is the start of the shown status, µs. Texts are empty where nothing is known."""

    id: int
    external_id: str
    name: str
    kind: str
    address: str
    device: str
    device_external_id: str
    port: str
    site: str
    provider: str
    managed: bool
    zone: str
    raw: str
    status: str
    since: int | None
    reason: str
    flags: tuple[str, ...]
    evidence: tuple[Evidence, ...]


class Sensor(NamedTuple):
    """A sensor of the element; `interval` in seconds."""

    name: str
    kind: str
    role: str
    required: bool
    interval: float


class Reading(NamedTuple):
    """The newest value of one series; `reason` is the wire code of protocols.uplink.batch.REASONS, `ts` µs."""

    sensor: str
    interval: float
    metric: str
    instance: str
    ts: int
    value: float
    reason: int


class Carried(NamedTuple):
    """A service that the element carries, and which part it plays."""

    external_id: str
    name: str
    account: str
    criticality: str
    status: str
    since: int | None


class Stretch(NamedTuple):
    """A stretch [start, end) of the element's shown status, µs; `end` is None while it lasts."""

    start: int
    end: int | None
    status: str
    reason: str
    flags: tuple[str, ...]
    evidence: tuple[Evidence, ...]


class Fact(NamedTuple):
    """What the device says of itself: one attribute of one of its parts, `seen` in µs."""

    kind: str
    instance: str
    name: str
    value: str
    seen: int


async def element(con: Connection, external_id: str) -> Element | None:
    """The element with that external id, or None."""
    row = await con.fetchrow(_ELEMENT, external_id)
    return None if row is None else Element(**plain_row(row))


async def sensors(con: Connection, element_id: int) -> list[Sensor]:
    """Its sensors by name."""
    rows = await con.fetch(
        "select name, kind, role, required, interval_seconds from sensor where element_id = $1 order by role desc, name",
        element_id,
    )
    return [Sensor(*row) for row in rows]


async def readings(con: Connection, element_id: int, after: int) -> list[Reading]:
    """The newest value after `after` (µs) of each of its series that a sensor feeds."""
    return [Reading(**plain_row(row)) for row in await con.fetch(_READINGS, element_id, to_datetime(after))]


async def services(con: Connection, element_id: int) -> list[Carried]:
    """The services that it carries, the worst first."""
    return [Carried(**plain_row(row)) for row in await con.fetch(_SERVICES, element_id)]


async def history(con: Connection, element_id: int, start: int, end: int) -> list[Stretch]:
    """Its spans that overlap [start, end), µs, oldest first, not clipped."""
    rows = await con.fetch(
        """select starts_at as start, ends_at as end, shown as status, reason, flags, evidence from element_span
           where element_id = $1 and starts_at < $3 and (ends_at is null or ends_at > $2) order by starts_at""",
        element_id,
        to_datetime(start),
        to_datetime(end),
    )
    return [Stretch(**plain_row(row)) for row in rows]


async def spans(con: Connection, element_id: int, since: int) -> SpanArrays:
    """The raw spans of the element that reach beyond `since` (µs) as arrays; not being monitored is not being in service."""
    rows = await con.fetch(
        """select starts_at, ends_at, raw, flags from element_span
           where element_id = $1 and (ends_at is null or ends_at > $2) order by starts_at""",
        element_id,
        to_datetime(since),
    )
    codes = {status: number for number, status in enumerate(STATUSES)} | {"Unmanaged": 0}
    return SpanArrays(
        np.zeros(len(rows), np.int64),
        np.array([to_us(row["starts_at"]) for row in rows], np.int64),
        np.array([FOREVER if row["ends_at"] is None else to_us(row["ends_at"]) for row in rows], np.int64),
        np.array([codes[row["raw"]] for row in rows], np.int8),
        np.array([MAINTENANCE in row["flags"] for row in rows], bool),
    )


async def series(con: Connection, element_id: int) -> list[tuple[str, str]]:
    """(metric, instance) of all its series."""
    rows = await con.fetch(
        "select distinct metric, instance from series where element_id = $1 order by instance, metric limit 500", element_id
    )
    return [(row["metric"], row["instance"]) for row in rows]


async def chart(con: Connection, tenant_id: int, element_id: int, which: tuple[str, str], start: int, end: int) -> Matrix | None:
    """The 5-minute history of one series, (metric, instance); None where there is no such series."""
    number = await con.fetchval(
        """select id from series where element_id = $1 and metric = $2 and instance = $3 order by source <> 'agent', source limit 1""",
        element_id,
        *which,
    )
    return None if number is None else await matrices.load(con, tenant_id, [number], start, end, "5m", ("mean", "max"))


async def discovered(con: Connection, element_id: int, limit: int) -> list[Fact]:
    """What its device said that it has, by kind and part."""
    rows = await con.fetch(
        """select d.kind, d.instance, d.name, d.value, d.seen_at as seen from discovery d
           join sensor n on n.tenant_id = d.tenant_id and n.id = d.sensor_id
           where n.element_id = $1 order by d.kind, d.instance, d.name limit $2""",
        element_id,
        limit,
    )
    return [Fact(**plain_row(row)) for row in rows]


def as_sample(reading: Reading) -> LastSample:
    """The same as what words are made of."""
    return LastSample(0, *reading)
