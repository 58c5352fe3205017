"""What the pages show: one statement per part of a page, rows out. The caller's transaction names the tenant."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from analytics.status import Cause, Evidence, cause_from_json, evidence_from_json
from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection

# Worst first: the order of lists and of the counters above them.
STATUSES = ("Down", "Has Issues", "No Data", "Up", "Not in service")


class Service(NamedTuple):
    """One service with what was sold; `place` is its location in parts (None = it has none), bit/s are None where nothing was sold."""

    id: int
    external_id: str
    name: str
    customer_name: str
    account: str
    product: str
    down_bps: int | None
    up_bps: int | None
    place: tuple[str | None, ...]
    zone: str
    fulfilment: str
    status: str
    since: int | None
    reason: str
    flags: tuple[str, ...]
    cause: tuple[Cause, ...]


class ElementRow(NamedTuple):
    """A placement of one service with its element's present status; `since` is the start of the shown status, µs.

    `raw` is what the measurements say now, where `status` is calmed down for a reader (flapping).
    """

    placement_id: int
    element_id: int
    external_id: str
    name: str
    kind: str
    address: str
    device: str
    port: str
    criticality: str
    group_id: int | None
    group_name: str
    group_k: int
    group_criticality: str
    parents: tuple[int, ...]
    raw: str
    status: str
    since: int | None
    reason: str
    flags: tuple[str, ...]
    evidence: tuple[Evidence, ...]


class LastSample(NamedTuple):
    """The newest value of one series; `reason` is the wire code of protocols.uplink.batch.REASONS, `interval` seconds."""

    element_id: int
    sensor: str
    interval: float
    metric: str
    instance: str
    ts: int
    value: float
    reason: int


class HistorySpan(NamedTuple):
    """A stretch [start, end) of a service's shown status, µs; `end` is None while it lasts."""

    start: int
    end: int | None
    status: str
    reason: str
    flags: tuple[str, ...]
    cause: tuple[Cause, ...]


_SERVICE = """
select s.id, s.external_id, s.name, s.customer_service_name as customer_name, a.name as account, r.name as product,
       r.down_bps, r.up_bps,
       array_remove(array[l.name, l.street, concat_ws(' ', nullif(l.postal_code, ''), l.city)], '') as place,
       coalesce(l.timezone, a.timezone, t.timezone) as zone, s.fulfilment_status as fulfilment,
       coalesce(p.shown, case when s.in_service then 'No Data' else 'Not in service' end) as status,
       p.since, coalesce(p.reason, case when s.in_service then 'never' else '' end) as reason, p.flags, p.cause
from service s
join tenant t on t.id = s.tenant_id
join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
join product r on r.tenant_id = s.tenant_id and r.id = s.product_id
left join location l on l.tenant_id = s.tenant_id and l.id = s.location_id
left join service_span p on p.tenant_id = s.tenant_id and p.service_id = s.id and p.ends_at is null
where s.external_id = $1
"""

# A span ends whenever evidence or flags change too, so the shown status began where the last different one ended.
_ELEMENTS = """
select c.id as placement_id, e.id as element_id, e.external_id, e.name, e.kind, coalesce(e.address, d.address, '') as address,
       coalesce(d.name, '') as device, coalesce(e.port, '') as port, c.criticality, c.group_id,
       coalesce(g.name, '') as group_name, coalesce(g.k, 0) as group_k, coalesce(g.criticality, '') as group_criticality,
       array(select h.parent_id from placement_parent h where h.tenant_id = c.tenant_id and h.placement_id = c.id
             order by h.parent_id) as parents,
       coalesce(p.raw, case when e.managed then 'No Data' else 'Unmanaged' end) as raw,
       coalesce(p.shown, case when e.managed then 'No Data' else 'Unmanaged' end) as status,
       coalesce(other.ends_at, first.starts_at) as since,
       coalesce(p.reason, case when e.managed then 'never' else '' end) as reason, p.flags, p.evidence
from placement c
join element e on e.tenant_id = c.tenant_id and e.id = c.element_id
left join element d on d.tenant_id = e.tenant_id and d.id = e.device_id
left join redundancy_group g on g.tenant_id = c.tenant_id and g.id = c.group_id
left join element_span p on p.tenant_id = c.tenant_id and p.element_id = e.id and p.ends_at is null
left join lateral (select o.ends_at from element_span o where o.tenant_id = c.tenant_id and o.element_id = e.id
  and o.starts_at < p.starts_at and o.shown <> p.shown order by o.starts_at desc limit 1) other on true
left join lateral (select o.starts_at from element_span o where o.tenant_id = c.tenant_id and o.element_id = e.id
  and p.starts_at is not null order by o.starts_at limit 1) first on true
where c.service_id = $1
order by c.id
"""

# Rows of the element as a whole, and of its sensors; those of a device's many interfaces and disks stay out.
_LAST_SAMPLES = """
select x.element_id, n.name as sensor, n.interval_seconds as interval, x.metric, x.instance, l.ts, l.value, l.reason
from series x
join sensor n on n.tenant_id = x.tenant_id and n.id = x.sensor_id
cross join lateral (select m.ts, m.value, m.reason from sample m where m.series_id = x.id and m.ts > $3
  order by m.ts desc limit 1) l
where x.element_id = any($1) and x.metric = any($2) and x.instance in ('', n.name)
order by x.element_id, array_position($2::text[], x.metric), n.name
"""

_HISTORY = """
select starts_at as start, ends_at as end, shown as status, reason, flags, cause from service_span
where service_id = $1 and starts_at < $3 and (ends_at is null or ends_at > $2)
order by starts_at
"""


async def service(con: Connection, external_id: str) -> Service | None:
    """The service with that external id, or None."""
    row = await con.fetchrow(_SERVICE, external_id)
    return None if row is None else Service(**plain_row(row))


async def elements(con: Connection, service_id: int) -> list[ElementRow]:
    """The placements of a service with the present status of their elements, in the order they were written."""
    return [ElementRow(**plain_row(row)) for row in await con.fetch(_ELEMENTS, service_id)]


async def last_samples(con: Connection, element_ids: Sequence[int], metrics: Sequence[str], after: int) -> list[LastSample]:
    """The newest sample after `after` (µs) of each series of those elements, in the order of `metrics`."""
    rows = await con.fetch(_LAST_SAMPLES, list(element_ids), list(metrics), to_datetime(after))
    return [LastSample(**plain_row(row)) for row in rows]


async def history(con: Connection, service_id: int, start: int, end: int) -> list[HistorySpan]:
    """The spans of a service that overlap [start, end), µs, oldest first, not clipped."""
    rows = await con.fetch(_HISTORY, service_id, to_datetime(start), to_datetime(end))
    return [HistorySpan(**plain_row(row)) for row in rows]


def plain_row(row: Any) -> dict[str, Any]:
    """A record as keyword arguments: instants as µs, arrays as tuples, causes and evidence as tuples of their own types."""
    values: dict[str, Any] = {key: _value(value) for key, value in row.items()}
    if "flags" in values:
        values["flags"] = values["flags"] or ()
    if "cause" in values:
        values["cause"] = cause_from_json(values["cause"] or ())
    if "evidence" in values:
        values["evidence"] = evidence_from_json(values["evidence"] or ())
    return values


def _value(value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    return to_us(value) if isinstance(value, datetime) else value
