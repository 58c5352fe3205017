"""What the first page shows of a whole provider, or of what the caller may see of it: each part one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storage.account_views import NOW
from storage.agents import SILENT_US
from storage.times import to_datetime
from storage.views import plain_row

if TYPE_CHECKING:
    from decimal import Decimal

    from analytics.availability import Policy
    from analytics.status import Cause
    from storage.database import Connection


class Total(NamedTuple):
    """How many services have one status now and what they bring a month, by currency."""

    status: str
    currency: str
    services: int
    mrr: Decimal


class Troubled(NamedTuple):
    """A service that is Down or has issues, with its account. `since` in µs; `zone` is the nearest IANA name."""

    external_id: str
    name: str
    account_external_id: str
    account: str
    product: str
    zone: str
    status: str
    since: int
    reason: str
    flags: tuple[str, ...]
    cause: tuple[Cause, ...]
    mrr: Decimal
    currency: str


class Planned(NamedTuple):
    """The newest version of a maintenance window that is not canceled; its first occurrence is [start, end), µs."""

    external_id: str
    title: str
    start: int
    end: int
    zone: str
    rrule: str
    services: int
    names: tuple[str, ...]


class Silent(NamedTuple):
    """An agent that is not heard; `heard` is when it last was (µs), None = never."""

    external_id: str
    name: str
    site: str
    heard: int | None


class Candidate(NamedTuple):
    """A service that was Down lately, with what its availability is computed by."""

    id: int
    external_id: str
    name: str
    account_external_id: str
    account: str
    zone: str
    policy: Policy
    sla_percent: float | None


async def totals(con: Connection) -> list[Total]:
    """All services by status and currency."""
    rows = await con.fetch(
        f"""select {NOW} as status, s.currency, count(*) as services, sum(s.mrr) as mrr from service s
            left join service_span p on p.tenant_id = s.tenant_id and p.service_id = s.id and p.ends_at is null
            group by 1, 2""",  # noqa: S608 - our own text
    )
    return [Total(*row) for row in rows]


async def troubled(con: Connection, most: int) -> tuple[list[Troubled], int]:
    """The first `most` services that are Down or have issues (Down before issues, then by revenue), and how many accounts have any."""
    rows = await con.fetch(
        """select s.external_id, s.name, a.external_id as account_external_id, a.name as account, r.name as product,
             coalesce(l.timezone, a.timezone, t.timezone) as zone, p.shown as status, p.since, p.reason, p.flags, p.cause,
             s.mrr, s.currency
           from service_span p join service s on s.tenant_id = p.tenant_id and s.id = p.service_id
           join tenant t on t.id = s.tenant_id
           join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
           join product r on r.tenant_id = s.tenant_id and r.id = s.product_id
           left join location l on l.tenant_id = s.tenant_id and l.id = s.location_id
           where p.ends_at is null and p.shown in ('Down', 'Has Issues')
           order by p.shown, s.mrr desc, p.since desc, s.id limit $1""",
        most,
    )
    accounts: int = await con.fetchval(
        """select count(distinct s.account_id) from service_span p join service s on s.tenant_id = p.tenant_id and s.id = p.service_id
           where p.ends_at is null and p.shown in ('Down', 'Has Issues')"""
    )
    return [Troubled(**plain_row(row)) for row in rows], accounts


async def planned(con: Connection, now: int, most: int = 500) -> list[Planned]:
    """Maintenance windows of which an occurrence may end after `now`; whether one does is for the rule to say."""
    rows = await con.fetch(
        """select w.external_id, w.title, w.starts_at as start, w.ends_at as end, w.timezone as zone, coalesce(w.rrule, '') as rrule,
             (select count(*) from maintenance_window_service n join service s on s.tenant_id = n.tenant_id and s.id = n.service_id
              where n.tenant_id = w.tenant_id and n.window_id = w.id and n.version = w.version) as services,
             array(select s.name from maintenance_window_service n join service s on s.tenant_id = n.tenant_id and s.id = n.service_id
              where n.tenant_id = w.tenant_id and n.window_id = w.id and n.version = w.version order by lower(s.name) limit 3) as names
           from maintenance_window w
           where not w.canceled and (w.rrule is not null or w.ends_at > $1) and not exists (select from maintenance_window v
             where v.tenant_id = w.tenant_id and v.id = w.id and v.version > w.version)
           order by w.starts_at, w.id limit $2""",
        to_datetime(now),
        most,
    )
    return [Planned(**plain_row(row)) for row in rows]


async def silent_agents(con: Connection, now: int) -> tuple[list[Silent], int]:
    """The agents that are not heard, those for the longest time last, and how many there are altogether; revoked ones do not count."""
    rows = await con.fetch(
        """select a.external_id, a.name, t.name as site, (select max(p.until) from agent_presence p
             where p.tenant_id = a.tenant_id and p.agent_id = a.id) as heard
           from agent a join site t on t.tenant_id = a.tenant_id and t.id = a.site_id where a.revoked_at is null
           order by heard desc nulls last, a.id"""
    )
    found = [Silent(**plain_row(row)) for row in rows]
    return [each for each in found if each.heard is None or each.heard < now - SILENT_US], len(found)


async def most_down(con: Connection, since: int, now: int, most: int) -> list[Candidate]:
    """The `most` services In Service that were Down for the longest time within [since, now), outside maintenance, by id."""
    rows = await con.fetch(
        """with spans as (
             select service_id, starts_at, ends_at, flags from service_span where raw = 'Down' and ends_at > $1
             union all
             select service_id, starts_at, 'infinity', flags from service_span where raw = 'Down' and ends_at is null),
           down as (
             select p.service_id, sum(least(p.ends_at, $2) - greatest(p.starts_at, $1)) as spent
             from spans p where p.starts_at < $2 and not ('maintenance' = any(p.flags))
             group by p.service_id order by spent desc limit $3)
           select s.id, s.external_id, s.name, a.external_id as account_external_id, a.name as account,
             coalesce(a.timezone, t.timezone) as zone, r.maintenance_policy as policy, r.sla_percent
           from down d join service s on s.id = d.service_id and s.in_service
           join tenant t on t.id = s.tenant_id
           join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
           join product r on r.tenant_id = s.tenant_id and r.id = s.product_id
           order by s.id""",
        to_datetime(since),
        to_datetime(now),
        most,
    )
    return [Candidate(*row) for row in rows]
