"""Timelines to be read page by page, oldest first. The caller's transaction says what may be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from analytics.status import Cause, Evidence, cause_from_json, evidence_from_json
from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from storage.database import Connection


class ServiceSpan(NamedTuple):
    """A service's status over [start, end), µs; `end` is None while it lasts. `since`: when the shown status began."""

    start: int
    end: int | None
    raw: str
    shown: str
    reason: str
    flags: tuple[str, ...]
    since: int
    cause: tuple[Cause, ...]


class AccountSpan(NamedTuple):
    """An account's status over [start, end), µs, with how many of its services In Service were measured, and were down."""

    start: int
    end: int | None
    raw: str
    shown: str
    measured: int
    services: int
    services_down: int
    flags: tuple[str, ...]


class ElementNow(NamedTuple):
    """What an element is now; `since` (µs) is when the shown status began, None while nothing was decided."""

    external_id: str
    managed: bool
    raw: str
    shown: str
    reason: str
    flags: tuple[str, ...]
    since: int | None
    evidence: tuple[Evidence, ...]


class Found(NamedTuple):
    """What a path names: its number, and the zone whose calendar its account follows."""

    id: int
    account_id: int
    external_id: str


async def service(con: Connection, tenant_id: int, external_id: str) -> Found | None:
    """The service with that id, if there is one that may be seen."""
    query = "select id, account_id, external_id from service where tenant_id = $1 and external_id = $2"
    row = await con.fetchrow(query, tenant_id, external_id) if "\0" not in external_id else None
    return None if row is None else Found(**row)


async def account(con: Connection, tenant_id: int, external_id: str) -> Found | None:
    """The account with that id, if there is one that may be seen."""
    query = "select id, id as account_id, external_id from account where tenant_id = $1 and external_id = $2"
    row = await con.fetchrow(query, tenant_id, external_id) if "\0" not in external_id else None
    return None if row is None else Found(**row)


# Spans that reach into [$3, $4), from $5 on; found by index from the last one that begins before the window.
_SPANS = """
select {columns} from {what}_span x where x.tenant_id = $1 and x.{what}_id = $2 and x.starts_at < $4
  and (x.ends_at is null or x.ends_at > $3) and x.starts_at >= greatest($5, coalesce((select max(b.starts_at) from {what}_span b
    where b.tenant_id = $1 and b.{what}_id = $2 and b.starts_at <= $3), '-infinity'))
order by x.starts_at limit $6
"""


async def service_spans(
    con: Connection, tenant_id: int, service_id: int, window: tuple[int, int], at: int, limit: int
) -> list[ServiceSpan]:
    """At most `limit` spans of a service that overlap the window and start at `at` or later, oldest first; not clipped."""
    query = _SPANS.format(what="service", columns="x.starts_at, x.ends_at, x.raw, x.shown, x.reason, x.flags, x.since, x.cause")
    rows = await con.fetch(query, tenant_id, service_id, *map(to_datetime, (*window, at)), limit)
    return [
        ServiceSpan(
            *_bounds(row),
            *(row["raw"], row["shown"], row["reason"]),
            tuple(sorted(row["flags"])),
            to_us(row["since"]),
            cause_from_json(row["cause"]),
        )
        for row in rows
    ]


async def account_spans(
    con: Connection, tenant_id: int, account_id: int, window: tuple[int, int], at: int, limit: int
) -> list[AccountSpan]:
    """The same of an account."""
    columns = "x.starts_at, x.ends_at, x.raw, x.shown, x.measured, x.services, x.services_down, x.flags"
    rows = await con.fetch(
        _SPANS.format(what="account", columns=columns), tenant_id, account_id, *map(to_datetime, (*window, at)), limit
    )
    return [
        AccountSpan(
            *_bounds(row),
            *(row["raw"], row["shown"], row["measured"], row["services"], row["services_down"]),
            tuple(sorted(row["flags"])),
        )
        for row in rows
    ]


_ELEMENT = """
select e.external_id, e.managed, coalesce(p.raw, case when e.managed then 'No Data' else 'Unmanaged' end) as raw,
       coalesce(p.shown, case when e.managed then 'No Data' else 'Unmanaged' end) as shown,
       coalesce(p.reason, case when e.managed then 'never' else '' end) as reason, coalesce(p.flags, '{}') as flags,
       coalesce(other.ends_at, first.starts_at) as since, coalesce(p.evidence, '[]') as evidence
from element e
left join element_span p on p.tenant_id = e.tenant_id and p.element_id = e.id and p.ends_at is null
left join lateral (select o.ends_at from element_span o where o.tenant_id = e.tenant_id and o.element_id = e.id
  and o.starts_at < p.starts_at and o.shown <> p.shown order by o.starts_at desc limit 1) other on true
left join lateral (select o.starts_at from element_span o where o.tenant_id = e.tenant_id and o.element_id = e.id
  and p.starts_at is not null order by o.starts_at limit 1) first on true
where e.tenant_id = $1 and e.external_id = $2
"""


async def element_now(con: Connection, tenant_id: int, external_id: str) -> ElementNow | None:
    """The element with that id as it is now, if there is one that may be seen."""
    row = await con.fetchrow(_ELEMENT, tenant_id, external_id) if "\0" not in external_id else None
    if row is None:
        return None
    since = None if row["since"] is None else to_us(row["since"])
    values = dict(row) | {"since": since, "flags": tuple(sorted(row["flags"])), "evidence": evidence_from_json(row["evidence"])}
    return ElementNow(**values)


def _bounds(row: Any) -> tuple[int, int | None]:
    return to_us(row["starts_at"]), None if row["ends_at"] is None else to_us(row["ends_at"])
