"""What the page of agents shows: each with its site, what it said of itself, when it was heard, and what was lost or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storage.times import to_datetime
from storage.views import plain_row

if TYPE_CHECKING:
    from storage.database import Connection

_AGENTS = """
select a.id, a.external_id, a.name, i.name as site, i.external_id as site_external_id, a.version, a.enrolled_at as enrolled,
       a.revoked_at as revoked, p.since as heard_since, p.until as heard, a.skew_seconds as skew, a.plan_revision as plan,
       a.plan_error, a.spool_bytes, a.spool_records, a.dropped, a.errors, a.site_id,
       (select count(*) from element e where e.site_id = a.site_id and e.managed) as elements,
       coalesce((select sum(r.rows) from ingest_reject r where r.agent_id = a.id and r.at > $1), 0)::bigint as rejected,
       coalesce((select sum(g.rows) from ingest_gap g where g.agent_id = a.id and g.last_ts > $1), 0)::bigint as lost
from agent a join site i on i.tenant_id = a.tenant_id and i.id = a.site_id
left join lateral (select q.since, q.until from agent_presence q where q.tenant_id = a.tenant_id and q.agent_id = a.id
  order by q.since desc limit 1) p on true
order by a.revoked_at is not null, p.until nulls first, lower(i.name), lower(a.name) limit 1000
"""
_REJECTS = """
select a.name as agent, r.at, r.lane, r.reason, r.rows, r.example from ingest_reject r
join agent a on a.tenant_id = r.tenant_id and a.id = r.agent_id order by r.id desc limit $1
"""
_GAPS = """
select a.name as agent, g.lane, g.first_ts as first, g.last_ts as last, g.rows, g.reason from ingest_gap g
join agent a on a.tenant_id = g.tenant_id and a.id = g.agent_id order by g.id desc limit $1
"""


class AgentLine(NamedTuple):
    """An agent. `heard` is None for one that was never heard; instants are µs, `skew` seconds ahead of us; counts of 24 hours."""

    id: int
    external_id: str
    name: str
    site: str
    site_external_id: str
    version: str
    enrolled: int
    revoked: int | None
    heard_since: int | None
    heard: int | None
    skew: float | None
    plan: str
    plan_error: str
    spool_bytes: int | None
    spool_records: int | None
    dropped: dict[str, int]
    errors: dict[str, int]
    site_id: int
    elements: int
    rejected: int
    lost: int


class Reject(NamedTuple):
    """Rows of a batch that could not be stored, with one example."""

    agent: str
    at: int
    lane: str
    reason: str
    rows: int
    example: str


class Gap(NamedTuple):
    """What an agent had to drop between two instants, µs."""

    agent: str
    lane: str
    first: int
    last: int
    rows: int
    reason: str


async def agents(con: Connection, since: int) -> list[AgentLine]:
    """All agents, those that were heard longest ago first; what was rejected and lost since `since` (µs)."""
    return [AgentLine(**plain_row(row)) for row in await con.fetch(_AGENTS, to_datetime(since))]


async def rejects(con: Connection, limit: int) -> list[Reject]:
    """The newest rows that could not be stored."""
    return [Reject(**plain_row(row)) for row in await con.fetch(_REJECTS, limit)]


async def gaps(con: Connection, limit: int) -> list[Gap]:
    """The newest gaps that agents told of."""
    return [Gap(**plain_row(row)) for row in await con.fetch(_GAPS, limit)]


async def zone(con: Connection) -> str:
    """The tenant's zone."""
    value: str | None = await con.fetchval("select timezone from tenant")
    return value or "UTC"


async def sites_without_agent(con: Connection) -> list[str]:
    """Sites with elements that nobody measures, by name."""
    rows = await con.fetch(
        """select i.name from site i where exists (select from element e where e.site_id = i.id and e.managed)
           and not exists (select from agent a where a.site_id = i.id and a.revoked_at is null) order by lower(i.name) limit 20"""
    )
    return [row["name"] for row in rows]


async def sites(con: Connection) -> list[tuple[str, str]]:
    """(external id, name) of every site, by name."""
    rows = await con.fetch("select external_id, name from site order by lower(name), external_id limit 1000")
    return [(row["external_id"], row["name"]) for row in rows]
